"""Unusual rows beside the real program: wild.py PROGRAM [--rows N] [--seed N] [EXTENSION...]

Rows are made from what extensions declare, and then bent: odd numbers and empty words, other lists and ranges, options
repeated, shortened, glued to their value or left without one. iptables itself and the code here must give the same exit
status, messages, saved line and ``-L`` lines. PROGRAM runs iptables 1.8.13 under the names that follow it. Needs root: all
runs in a network namespace of its own.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "extensions"))

from generated import COMPANY, NEEDED, extensions
from values import strategy

from pyiptables.errors import Error
from pyiptables.extensions.base import Extension, Match, Option
from pyiptables.extensions.kinds.sets import SetAndSides
from pyiptables.hooks import TABLES, Family
from pyiptables.packet.names import SAVED_PROTOCOLS
from pyiptables.render.listing import listing
from pyiptables.render.rules import rules as saved_rules
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import Ruleset, Table
from pyiptables.ruleset.validity import check_table
from pyiptables.syntax.execute import execute
from pyiptables.syntax.messages import complaint
from pyiptables.syntax.reader import Reader
from pyiptables.syntax.restore import Silent

ODD = (
    "", " ", "0", "1", "-1", "+1", "00", "08", "010", "0x", "0x10", "0X1F", "0xg", "1e3", "1.5", ".5", "5.", " 5", "5 ",
    "127", "128", "255", "256", "65535", "65536", "2147483647", "2147483648", "4294967295", "4294967296", "4294967297",
    "18446744073709551615", "18446744073709551616", "99999999999999999999999", "-4294967295", ":", "1:", ":1", "1:2", "2:1",
    "1:2:3", "1-2", "2-1", "-", "--", "1-", "-2", ",", "1,", ",1", "1,2", "1,,2", "/", "1/", "/1", "1/2", "0/0", "1/2/3",
    "0x1/0xff", "a", "abc", "ALL", "all", "any", "none", "NONE", "!", "!1", "+", "eth+", "eth0", "ssh", "http:https", "tcp",
    "1.2.3.4", "1.2.3.4/24", "1.2.3.4/255.0.255.0", "1.2.3.4-1.2.3.9", "1.2.3.4-", "1.2.3", "::1", "2001:db8::/32",
    "::1-::2", "fe80::%lo", "[::1]:80", "1.2.3.4:80-90", ":80", "80-90/5", "aa:bb:cc:dd:ee:ff", "aa:bb:cc:dd:ee", "x" * 15,
    "x" * 16, "x" * 17, "x" * 28, "x" * 31, "x" * 32, "x" * 64, "x" * 128, "x" * 256, "x" * 300, "a b", 'a"b', "a'b", "a\\b",
    "|41|", "|4", "|zz|", "|41 42|x", "é", "%s", "$x", "src", "src,dst", "12:00", "24:00", "1970-01-01", "2040-01-01", "Mon,Tue",
    "5/sec", "5/minute", "5/x", "10kb/s", "1s", "50%", "0.5", "1.0", "1.1", "-0.5", "root", "nobody", "1000-2000",
)  # fmt: skip
LETTERS = "0123456789abcdefxX:,/-+.! %_|s"
GLUED, SHORT, ABSENT, TWICE = 0.08, 0.05, 0.02, 0.06
"""How often an option is glued to its value, shortened, left without its value or said again."""
SAMPLES = 60
HELP = "help"
HOST = re.compile(
    r"missing kernel module|failed to get bpf object|Set \S* ?doesn't exist|connlabel\.conf|--set option deprecated|"
    r'unknown option "-[^-]"'
)
"""Answers that do not count: what this host lacks; a warning that comes before a refusal; an option's number as a letter."""
ASKING = {"CLUSTERIP", "ULOG", "cgroup", "rateest", "CT", "SECMARK"}
"""Extensions of which the kernel refuses rules that name what is not there."""
SETS = {Family.IPV4: "four", Family.IPV6: "six"}
BEFORE = "\n".join(
    f"ipset create {name} hash:ip,port,ip family inet{six} timeout 0 counters skbinfo"
    for name, six in (("four", ""), ("six", "6"))
)
ESTIMATORS = "".join(
    f"{{other}} -A INPUT -j RATEEST --rateest-interval 1s --rateest-ewmalog 4s --rateest-name {name}\n" for name in "ab"
)
"""What there must be in the kernel; estimators are in rules of the other family, whose names are the same."""
Row = tuple[str, list[str]]


def samples(option: Option, family: Family) -> list[tuple[str, ...]]:
    """Ordinary values of an option."""
    found: list[tuple[str, ...]] = []

    @settings(
        max_examples=SAMPLES, phases=(Phase.generate,), deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy(option.kind, family))
    def collect(value: str | tuple[str, ...]) -> None:
        found.append((value,) if isinstance(value, str) else tuple(value))

    collect()
    return found


class Maker:
    """Makes rows of one extension for one family."""

    def __init__(self, extension: type[Extension], family: Family, chance: random.Random) -> None:
        self.extension, self.family, self.chance = extension, family, chance
        self.values = {name: samples(option, family) for name, option in extension.options.items() if option.kind.words}

    def row(self) -> Row:
        """A table, and the words after it."""
        chance, extension = self.chance, self.extension
        tables = sorted(extension.tables or ("filter", "mangle", "raw"))
        table = chance.choice(tables) if chance.random() < 0.97 else chance.choice(sorted(TABLES))
        hooks = [hook for hook in TABLES[table] if hook in (extension.hooks or TABLES[table])]
        hook = chance.choice(hooks if hooks and chance.random() < 0.95 else list(TABLES[table]))
        words = ["-m" if issubclass(extension, Match) else "-j", extension.name, *self.options()]
        company = self.company()
        return table, ["-A", hook.name, *(company + words if chance.random() < 0.9 else words + company)]

    def company(self) -> list[str]:
        """The protocol, mostly one that fits."""
        chance, extension = self.chance, self.extension
        if extension.name in COMPANY and chance.random() < 0.9:
            return COMPANY[extension.name].split()
        own = [SAVED_PROTOCOLS.get(number, str(number)) for number in sorted(extension.protocols or ())]
        usual = (
            [extension.name]
            if extension.name in ("tcp", "udp", "icmp")
            else ["tcp", "udp", "sctp", "icmp", "all", "50"]
        )
        chosen = (
            chance.choice(own or usual) if chance.random() < 0.9 else chance.choice((*usual, "ipv6-icmp", "0", "gre"))
        )
        if not own and chance.random() < 0.4:
            return []
        return (["!"] if chance.random() < 0.05 else []) + ["-p", chosen]

    def options(self) -> list[str]:
        """Options with their values."""
        chance, declared = self.chance, self.extension.options
        by_name = {name: option for option in declared.values() for name in option.names}
        wanted = [option for option in declared.values() if option.required and chance.random() < 0.96]
        for choice in NEEDED.get(self.extension.name, "").split():
            if chance.random() < 0.96:
                wanted.append(by_name[chance.choice(choice.split("|"))])
        if declared:
            wanted += chance.choices(list(declared.values()), k=chance.choice((0, 1, 1, 1, 2, 2, 3)))
        wanted = [one for one in dict.fromkeys(wanted) for _ in range(1 + (chance.random() < TWICE))]
        wanted += [
            declared[name]
            for one in wanted
            for name in one.also
            if chance.random() < 0.8 and declared[name] not in wanted
        ]
        if chance.random() < 0.2:
            chance.shuffle(wanted)
        return [word for option in wanted for word in self.one(option)]

    def one(self, option: Option) -> list[str]:
        """One option."""
        chance = self.chance
        name = chance.choice(option.names)
        if chance.random() < SHORT:
            name = name[: chance.randint(3, len(name))]
        mark = ["!"] if chance.random() < (0.3 if option.invertible else 0.03) else []
        if not option.kind.words:
            return [*mark, name]
        values = list(chance.choice(self.values[option.attribute]))
        if isinstance(option.kind, SetAndSides):
            values[0] = SETS[self.family]
        if option.names[0] in ("--rateest1", "--rateest2"):
            values[0] = option.names[0][-1].translate({49: "a", 50: "b"})
        if chance.random() < 0.45 and option.names[0] not in ("--rateest1", "--rateest2"):
            place = len(values) - 1 if isinstance(option.kind, SetAndSides) else chance.randrange(len(values))
            values[place] = self.bent(values[place])
        if (option.kind.optional and chance.random() < 0.3) or chance.random() < ABSENT:
            values.pop()
        if values and name.startswith("--") and chance.random() < GLUED:
            return [*mark, f"{name}={values[0]}", *values[1:]]
        return [*mark, name, *values]

    def bent(self, value: str) -> str:
        """Another value, near to it or far."""
        chance, way = self.chance, self.chance.random()
        if way < 0.45:
            return chance.choice(ODD)
        at = chance.randint(0, len(value))
        if way < 0.6:
            return value[:at] + chance.choice(LETTERS) + value[at:]
        if way < 0.7:
            return value[:at] + value[at + 1 :]
        if way < 0.8:
            return value[:at] + chance.choice(LETTERS) + value[at + 1 :]
        if way < 0.85:
            return value + chance.choice(",:-/") + chance.choice(ODD)
        if way < 0.9:
            return value.swapcase()
        return re.sub(r"\d+", lambda _: chance.choice(ODD[2:45]), value, count=1)


def theirs(rows: list[Row], program: str, family: Family, lock: str) -> list[tuple[int, str, str]]:
    """What the real program says to each row: status, messages, and what it then prints."""
    own, other = (shlex.join([program, one.command]) for one in (family, *(one for one in Family if one is not family)))
    script = [BEFORE, ESTIMATORS.format(other=other)]
    for table, words in rows:
        run = f"{own} -t {table}"
        script.append(
            f'{run} {shlex.join(words)} 2>&1; s=$?; echo "=$s"; if [ $s = 0 ]; then {run} -S {words[1]} 1; {run} -L {words[1]} 1;'
            f"{run} -n -v -L {words[1]} 1; {run} -F; fi; echo; echo =="
        )
    done = subprocess.run(
        ["unshare", "-n", "bash"], input="\n".join(script).encode("utf-8", "surrogateescape"), capture_output=True, check=True,
        env={**os.environ, "LC_ALL": "C", "XTABLES_LOCKFILE": lock},
    ).stdout.decode("utf-8", "surrogateescape")  # fmt: skip
    found = []
    for part in done.split("\n==\n")[:-1]:
        message, status, printed = re.fullmatch(r"(?s)(.*?)=(\d+)\n(.*)", part).groups()
        found.append((int(status), message, printed))
    return found


def ours(family: Family, table: str, words: list[str]) -> tuple[int, str, str]:
    """The same from here."""
    edit, reader = TableEdit(Table.empty(table)), Reader(family)
    try:
        read = reader.read(words, table)
        if read.letter == "h":
            return 0, "", HELP
        execute(read, edit, Silent())
        made = edit.commit()
        check_table(made, family)
        ruleset = Ruleset(family, {table: made})
        lines = [*saved_rules(ruleset, table, words[1], 1), *listing(ruleset, table, words[1], 1)]
        lines += listing(ruleset, table, words[1], 1, numeric=True, verbose=True)
    except Error as error:
        message, status = complaint(error, family.command)
        return status, "".join(reader.warnings) + message, ""
    return 0, "".join(reader.warnings), "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def main() -> int:
    """Make rows and compare; 0 when all are equal."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    options.add_argument("program")
    options.add_argument("--rows", type=int, default=100, help="for each extension and family")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("extensions", nargs="*")
    asked = options.parse_intermixed_args()
    counts: Counter[str] = Counter()
    for extension, family in extensions():
        if asked.extensions and extension.name not in asked.extensions:
            continue
        chance = random.Random(f"{asked.seed} {extension.name} {family.name}")
        maker = Maker(extension, family, chance)
        rows = [maker.row() for _ in range(asked.rows)]
        rows = [row for row in rows if all("\0" not in word and "\n" not in word for word in row[1])]
        with tempfile.TemporaryDirectory() as folder:
            answers = theirs(rows, asked.program, family, f"{folder}/lock")
        for (table, words), answer in zip(rows, answers, strict=True):
            counts["rows"] += 1
            if HOST.search(answer[1]) or (answer[0] == 1 and extension.name in ASKING):
                counts["skipped"] += 1
                continue
            counts["taken" if answer[0] == 0 else "refused"] += 1
            try:
                mine = ours(family, table, words)
            except Exception as error:  # a fault to be told, not to end with
                mine = (-1, repr(error), "")
            if mine[2] == HELP and answer[1].startswith(f"{family.command} v1"):
                continue
            if mine != answer:
                counts["differ"] += 1
                print(
                    f"{family.command} -t {table} {shlex.join(words)}\n   here: {mine}\n  there: {answer}", flush=True
                )
    print(dict(counts))
    return int(counts["differ"] > 0)


if __name__ == "__main__":
    sys.exit(main())
