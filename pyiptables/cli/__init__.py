"""The commands: ``pyipt``, ``pyipt-save``, ``pyipt-restore`` and their IPv6 forms, ``pyipt-xml``.

``pyipt [--file FILE] [--ipset FILE] [-6] ARGS``: when the first word of ARGS is one of pyipt's own commands, it is that
command; else ARGS are those of iptables. Only what a call needs is imported.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from pyiptables.hooks import Family

COMMANDS = {
    "trace": "pyiptables.cli.trace:main",
    "compile": "pyiptables.cli.compile:main",
    "lint": "pyiptables.cli.lint:main",
    "rule": "pyiptables.cli.rule:main",
    "test": "pyiptables.cli.test:main",
    "diff": "pyiptables.cli.diff:main",
    "query": "pyiptables.cli.query:main",
    "xml": "pyiptables.cli.xml:main",
    "manual": "pyiptables.cli.manual:main",
    "completion": "pyiptables.cli.completion:main",
    "complete": "pyiptables.cli.complete:main",
}
"""pyipt's own commands, each with its ``main(words, family, file)``, which returns the exit status.

``words`` stand after the command's name; ``file`` is what ``--file`` named, or None.
"""

_BROKEN_PIPE = 128 + 13
_INTERRUPTED = 128 + 2


def pyipt() -> int:
    """``pyipt``: iptables, and pyipt's own commands."""
    return _ended(lambda words: _iptables(words, Family.IPV4))


def pyip6t() -> int:
    """``pyip6t``: the same for IPv6."""
    return _ended(lambda words: _iptables(words, Family.IPV6))


def pyipt_save() -> int:
    """``pyipt-save``: iptables-save."""
    return _ended(lambda words: _save(words, Family.IPV4))


def pyip6t_save() -> int:
    """``pyip6t-save``: ip6tables-save."""
    return _ended(lambda words: _save(words, Family.IPV6))


def pyipt_restore() -> int:
    """``pyipt-restore``: iptables-restore."""
    return _ended(lambda words: _restore(words, Family.IPV4))


def pyip6t_restore() -> int:
    """``pyip6t-restore``: ip6tables-restore."""
    return _ended(lambda words: _restore(words, Family.IPV6))


class OwnOptions(NamedTuple):
    """What stands before ARGS: the files of ``--file`` and ``--ipset``, the family after ``-6``, and ARGS themselves."""

    file: str | None
    sets: str | None
    family: Family
    words: list[str]


def own_options(words: list[str], family: Family) -> OwnOptions:
    """Take the options that are no options of iptables, from the first word on."""
    files: dict[str, str] = {}
    index = 0
    while index < len(words):
        name, glued, value = words[index].partition("=")
        if words[index] == "-6":
            family = Family.IPV6
        elif name in ("--file", "--ipset") and glued:
            files[name] = value
        elif name in ("--file", "--ipset") and index + 1 < len(words):
            index += 1
            files[name] = words[index]
        else:
            break
        index += 1
    return OwnOptions(files.get("--file"), files.get("--ipset"), family, words[index:])


def pyipt_xml() -> int:
    """``pyipt-xml``: iptables-xml."""
    return _ended(_xml)


def _iptables(words: list[str], family: Family) -> int:
    file, sets, family, words = own_options(words, family)
    if words and words[0] in COMMANDS:
        module, _, name = COMMANDS[words[0]].partition(":")
        given = [] if sets is None else ["--ipset", sets]
        status: int = getattr(import_module(module), name)([*given, *words[1:]], family, file)
        return status
    gc.disable()  # a ruleset has no cycles; looking for them in a large one takes a fifth of the time
    from pyiptables.cli.iptables import main

    return main(words, family, file, sets)


def _save(words: list[str], family: Family) -> int:
    gc.disable()
    from pyiptables.cli.save import main

    return main(words, family, f"{family.command}-save")


def _restore(words: list[str], family: Family) -> int:
    gc.disable()
    from pyiptables.cli.restore import main

    return main(words, family)


def _xml(words: list[str]) -> int:
    from pyiptables.cli.xml import main

    return main(words, Family.IPV4)


def _ended(run: Callable[[list[str]], int]) -> int:
    """Run a command with the process's words; its exit status. Nobody reading the output, or Ctrl-C, ends it quietly."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    words = [os.fsencode(word).decode("utf-8", "surrogateescape") for word in sys.argv[1:]]
    try:
        status = run(words)
        gc.freeze()  # nor when the process ends
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"{os.path.basename(sys.argv[0])}: cannot write: {error.strerror}", file=sys.stderr)
        return 1
    return status
