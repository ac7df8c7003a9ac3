"""The file in which a ruleset lives, in the format of iptables-save with counters.

A reader opens the file and sees one whole version of it. A change holds an exclusive lock, writes a new file beside the
old one and puts it in its place: whatever happens meanwhile, one of the two is there, whole.
"""

from __future__ import annotations

import errno
import fcntl
import io
import math
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from pyiptables.errors import Locked, OperationFailed, ParameterProblem
from pyiptables.extensions.base import GivenSets
from pyiptables.hooks import Family
from pyiptables.ruleset.model import Ruleset

if TYPE_CHECKING:
    from pyiptables.cli.seal import SealedText

_BLOCK = 1 << 16
LONGEST_LINE = 1 << 24
"""Bytes of the longest line that is read."""
LONGEST_FILE = 1 << 28
"""Bytes of the longest file that is read."""
_LARGE = 1 << 18
"""Bytes of the smallest file of which it is looked at whether it is sealed."""
_PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)


def default_path(family: Family) -> str:
    """Where the ruleset lives unless a file is named: ``$PYIPT_FILE``, else :func:`state_path`."""
    return os.environ.get("PYIPT_FILE") or state_path(family)


def state_path(family: Family) -> str:
    """The user's own ruleset: ``pyipt/rules.v4`` or ``rules.v6`` under ``$XDG_STATE_HOME``, or ``~/.local/state``."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.expanduser("~/.local/state")
    return os.path.join(state, "pyipt", f"rules.v{family.version}")


class Store:
    """A ruleset file, or standard input, which can only be read.

    ``sets``, where they are put, are those that the references of the file's rules are checked against.
    ``path`` None is standard input: ``stdin``, or the process's own. ParameterProblem when no file can have that name.
    """

    def __init__(self, path: str | os.PathLike[str] | None, family: Family, stdin: BinaryIO | None = None) -> None:
        self.path = None if path is None else os.fspath(path)
        self.family = family
        self.stdin = stdin
        self.sets: GivenSets | None = None
        if self.path is not None and (not self.path or "\0" in self.path):
            raise ParameterProblem(f"no file can be named {self.path!r}")

    @classmethod
    def named(cls, name: str | None, family: Family) -> Store:
        """The store that ``--file NAME`` means: ``-`` is standard input, None the default path."""
        if name is None:
            name = default_path(family)
        return cls(None if name == "-" else name, family)

    @property
    def source_name(self) -> str:
        """What messages call it."""
        return "standard input" if self.path is None else self.path

    def read(self) -> Ruleset:
        """The ruleset; empty when the file is not there.

        OperationFailed when the file cannot be read; when its text is no ruleset, what
        :func:`pyiptables.syntax.restore.load` raises.
        """
        try:
            if self.path is None:
                return self._load(self.stdin or getattr(sys.stdin, "buffer", None) or io.BytesIO())
            with open(self.path, "rb") as file:
                return self._load(file)
        except FileNotFoundError:
            return Ruleset(self.family)
        except OSError as error:
            raise OperationFailed(f"cannot read {self.source_name}: {error.strerror}") from error

    def sealed(self) -> SealedText | None:
        """The lines of a file that pyipt wrote and nobody has changed; None where rules must be read, or it cannot be."""
        if self.path is None or self.sets is not None:
            return None
        try:
            if os.stat(self.path).st_size < _LARGE:
                return None
            from pyiptables.cli.seal import sealed_text

            with open(self.path, "rb") as file:
                return sealed_text(file, self.family)
        except OSError:
            return None

    def _load(self, file: BinaryIO) -> Ruleset:
        from pyiptables.syntax.restore import load

        return load(RuleLines(file, self.source_name), self.family, self.source_name, self.sets)

    @contextmanager
    def change(self, wait: float | None = None) -> Iterator[Change]:
        """Hold the lock, read, and write what was put in place when the block ends without an error.

        ``wait``: seconds to wait for the lock; None or 0 not at all, ``math.inf`` or a negative number for ever.
        Locked when it is held, or cannot be made; OperationFailed when the file cannot be read or written, and is then
        as it was; ParameterProblem when it is standard input.
        """
        if self.path is None:
            raise ParameterProblem("standard input can be listed, not changed: name a file with --file")
        target = os.path.realpath(self.path)
        try:
            _checked(target)
            if self.path == state_path(self.family):
                os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        except OSError as error:
            raise OperationFailed(f"cannot write {self.path}: {error.strerror}") from error
        with lock(target, wait):
            change = Change(self, target)
            yield change
            change.commit()


class Change:
    """A change under way: the ruleset as it is now, and the place for the new one."""

    def __init__(self, store: Store, target: str) -> None:
        self._store = store
        self._target = target
        self._pending = False
        self.ruleset = store.read()

    def replace(self, new: Ruleset) -> None:
        """Put a new ruleset in place of the present one; it is written by :meth:`commit`, or when the block ends."""
        self.ruleset = new
        self._pending = True

    def commit(self) -> None:
        """Write now what was put in place, so that it stays even when the block ends with an error."""
        if not self._pending:
            return
        from pyiptables.cli.seal import sealed
        from pyiptables.render.kept import KeptForm
        from pyiptables.render.save import save

        form, family = KeptForm(), self._store.family
        lines = save(self.ruleset, counters=True, program=f"{family.command}-save", kept=form)
        try:
            _replace_file(self._target, sealed(lines, family, lambda: form.printed))
        except (OSError, UnicodeEncodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it holds what is no text"
            raise OperationFailed(f"cannot write {self._store.path}: {reason}; it is as it was") from error
        self._pending = False


class RuleLines:
    """The lines of an open file, each time from where it stands now: what :func:`rule_lines` gives."""

    def __init__(self, file: BinaryIO, source_name: str, joined: bool = True) -> None:
        self._file = file if file.seekable() else io.BytesIO(file.read(LONGEST_FILE + 1))
        self._start = self._file.tell()
        self._source_name = source_name
        self._joined = joined

    def __iter__(self) -> Iterator[str]:
        self._file.seek(self._start)
        return rule_lines(self._file, self._source_name, self._joined)


def rule_lines(file: BinaryIO, source_name: str, joined: bool = True) -> Iterator[str]:
    """The lines of a ruleset's text, line breaks included, bytes above 127 that are no UTF-8 kept as surrogates.

    Where they are ``joined``, a rule whose quotes are open at the end of a line goes on in the next, for a comment may hold
    a line break, and comes as one text. OperationFailed when a line or the whole is too long to be a ruleset.
    """
    rule: list[str] = []
    for line in _lines(file, source_name):
        if rule:
            rule.append(line)
            if _odd_quotes(line):
                yield "".join(rule)
                rule = []
        elif joined and (line.count('"') & 1 or "\\" in line) and line[0] in "-[" and _odd_quotes(line):
            rule = [line]
        else:
            yield line
    yield from rule


def _lines(file: BinaryIO, source_name: str) -> Iterator[str]:
    for block in _blocks(file, source_name):
        yield from io.StringIO(block.decode("utf-8", "surrogateescape"), newline="\n")


def _blocks(file: BinaryIO, source_name: str) -> Iterator[bytes]:
    """The file in pieces of whole lines; OperationFailed as :func:`rule_lines` has it, after all that comes before."""
    read = 0
    begun = b""
    while True:
        try:
            raw = file.read(_BLOCK)
        except OSError as error:
            raise OperationFailed(f"cannot read {source_name}: {error.strerror}") from error
        read += len(raw)
        first, last = raw.find(b"\n") + 1, raw.rfind(b"\n") + 1
        if read > LONGEST_FILE or len(begun) + (first or len(raw)) > LONGEST_LINE:
            raise OperationFailed(f"cannot read {source_name}: it is too long for a ruleset")
        if last or not raw:
            yield begun + raw[:last]
            begun = raw[last:]
        else:
            begun += raw
        if not raw:
            return


def _odd_quotes(line: str) -> bool:
    """Whether a quote that opens in the line is not closed in it, or the other way round."""
    if "\\" in line:
        line = line.replace("\\\\", "").replace('\\"', "")
    return line.count('"') % 2 == 1


@contextmanager
def lock(target: str, wait: float | None) -> Iterator[None]:
    """Hold the lock of a ruleset file: a file beside it, which is gone when nobody needs it.

    Locked when somebody else keeps it for more than ``wait`` seconds, or when it cannot be made.
    """
    folder, name = os.path.split(target)
    path = os.path.join(folder, f".{name}.lock")
    descriptor = _locked_file(path, math.inf if wait is not None and wait < 0 else wait or 0)
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(path)
        os.close(descriptor)


def _locked_file(path: str, wait: float) -> int:
    """The descriptor of the lock file, locked; opened again where its last holder has just removed it."""
    end = time.monotonic() + wait
    while True:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise Locked(f"Fatal: can't open lock file {path}: {error.strerror}") from error
        try:
            _acquire(descriptor, end)
            if _is_at(descriptor, path):
                return descriptor
        except OSError as error:
            os.close(descriptor)
            about = f"Stopped waiting after {wait:.0f}s." if wait else "Perhaps you want to use the -w option?"
            raise Locked(
                f"Can't lock {path}: {error.strerror}\nAnother app is currently holding the xtables lock. {about}"
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(descriptor: int, path: str) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _acquire(descriptor: int, end: float) -> None:
    """Take the lock until that time of the monotonic clock; BlockingIOError when somebody else keeps it."""
    if end == math.inf:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return
    pauses = iter(_PAUSES)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            left = end - time.monotonic()
            if left <= 0:
                raise
            time.sleep(min(next(pauses, _PAUSES[-1]), left))


def _replace_file(target: str, lines: Iterable[str]) -> None:
    """Write a file in place of another, which keeps its mode and owner; only the holder of the lock does so.

    The new file's name is always the same, so that what a writer left that was killed is gone with the next change.
    """
    folder, name = os.path.split(target)
    fresh = os.path.join(folder, f".{name}.new")
    old = _checked(target)
    with suppress(FileNotFoundError):
        os.unlink(fresh)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if old is None else 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            file.writelines(lines)
            file.flush()
            if old is not None:
                _keep_owner(descriptor, old)
            os.fsync(descriptor)
        os.replace(fresh, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(fresh)
        raise
    _sync_folder(folder)


def _checked(target: str) -> os.stat_result | None:
    """What the file to be replaced is, None when there is none; OSError when it must not be."""
    try:
        old = os.stat(target)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(old.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return old


def _keep_owner(descriptor: int, old: os.stat_result) -> None:
    """Owner, then mode, which a change of owner may cut."""
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: str) -> None:
    """Make the change of names last; some file systems cannot, and the file is whole without it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
