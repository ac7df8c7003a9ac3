"""Generated rules of every extension against iptables itself: what it saves, and what it says to those it refuses.

``PYIPT_REFERENCE`` names a program that runs iptables 1.8.13 (legacy) under the names that stand behind it, as in
``PYIPT_REFERENCE iptables-save``. Without it the machine's iptables-legacy is asked, whose messages may be older ones:
then only the saved text is compared, but for what 1.8.9 is known to print in another way.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "extensions"))

from generated import extensions, rules

from pyiptables.errors import Error
from pyiptables.render.rules import rule_text
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import Table
from pyiptables.ruleset.validity import check_table
from pyiptables.syntax.execute import execute
from pyiptables.syntax.messages import complaint
from pyiptables.syntax.reader import Reader
from pyiptables.syntax.restore import Silent

REFERENCE = os.environ.get("PYIPT_REFERENCE")
RULES = int(os.environ.get("PYIPT_RULES", "12"))
NEEDS_MORE = {
    "CLUSTERIP",
    "ULOG",
    "bpf",
    "ipvs",
    "nfacct",
    "set",
    "socket",
    "CT",
    "SET",
    "LED",
    "SECMARK",
    "IDLETIMER",
    "rateest",
}
"""Extensions that want what a namespace does not have: modules of the kernel, sets, objects of other programs."""
MISSING = re.compile(
    r"Set \S+ doesn't exist|missing kernel module|failed to get bpf object|No chain/target/match by that name"
)
"""What iptables says for want of them."""
HIGHEST_STATUS = 4
"""A status above is that of a crash, as a burst of hashlimit can bring about."""
OLDER = {
    "CT", "DNPT", "SNPT", "TCPOPTSTRIP", "ah", "connbytes", "conntrack", "dst", "esp", "frag", "hashlimit", "hbh", "icmp",
    "HMARK", "NETMAP", "NFQUEUE", "connlimit", "srh", "icmp6", "ipcomp", "iprange", "mh", "nfacct", "physdev", "policy", "rt", "sctp", "string", "tcp", "udp", "ipv6header",
}  # fmt: skip
"""Extensions of which 1.8.9 prints or refuses some rules otherwise than 1.8.13."""
CASES = [pytest.param(*one, id=f"{one[0].name}-{one[1].name}") for one in extensions()]


def command(name):
    """The words that run a program of the reference."""
    if REFERENCE:
        return [REFERENCE, name]
    program, _, tool = name.partition("-")
    return [f"{program}-legacy{f'-{tool}' if tool else ''}"]


TOOLS, LOG = (command("iptables")[0], "unshare"), False


def made(extension, family):
    """Some rules of the extension: table and words."""
    found = []

    @settings(
        max_examples=RULES, phases=(Phase.generate,), deadline=None, derandomize=RULES < 100, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(rules(extension, family))
    def collect(rule):
        if all("\0" not in word and word.isprintable() for word in rule[1]):
            found.append(rule)

    collect()
    return found


def asked(family, found, lock):
    """What iptables says to each rule, in a namespace of its own: exit status, messages, and the line that -S adds."""
    iptables = shlex.join(command(family.command))
    script = []
    for table, words in found:
        chain = words[1]
        script += [
            f'{iptables} -t {table} {shlex.join(words)} 2>&1; echo "=$?"',
            f"{iptables} -t {table} -S {chain} 1; {iptables} -t {table} -F; echo ==",
        ]
    done = subprocess.run(
        ["unshare", "-n", "bash"], input="\n".join(script).encode("utf-8", "surrogateescape"), capture_output=True, check=True,
        env={**os.environ, "LC_ALL": "C", "XTABLES_LOCKFILE": lock},
    ).stdout.decode("utf-8", "surrogateescape")  # fmt: skip
    for part in done.split("==\n")[:-1]:
        message, status, saved = re.fullmatch(r"(?s)(.*)=(\d+)\n(.*)", part).groups()
        yield int(status), message, saved.removesuffix("\n")


def answer(family, table, words):
    """The same from here."""
    edit = TableEdit(Table.empty(table))
    reader = Reader(family)
    try:
        read = reader.read(words, table)
        execute(read, edit, Silent())
        check_table(edit.commit(), family)
    except Error as error:
        message, status = complaint(error, family.command)
        return status, "".join(reader.warnings) + message, ""
    return 0, "".join(reader.warnings), rule_text(read.specs[0], words[1], family, table)


@pytest.mark.kernel
@pytest.mark.parametrize(("extension", "family"), CASES)
def test_as_iptables(extension, family, tmp_path):
    if not REFERENCE and extension.name in OLDER:
        pytest.skip("1.8.9 differs")
    found = made(extension, family)
    differ = []
    for (table, words), theirs in zip(found, asked(family, found, str(tmp_path / "lock")), strict=True):
        mine = answer(family, table, words)
        if theirs[0] > HIGHEST_STATUS or (extension.name in NEEDS_MORE and MISSING.search(theirs[1])):
            continue
        same = mine == theirs if REFERENCE else mine[2] == theirs[2] or mine[0] or theirs[0]
        if not same:
            differ.append(f"-t {table} {shlex.join(words)}\n  here: {mine}\n there: {theirs}")
    assert not differ, "\n" + "\n".join(differ)
