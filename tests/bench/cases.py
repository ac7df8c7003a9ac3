"""What is measured, beside what, and what it may take at most."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from . import captures, flat, kube
from .measure import ENVIRONMENT, Program

BIN = Path(sys.executable).parent
RULES_OF_A_SERVICE = 10.6
"""How many rules a service of three pods has, on the average."""
RULES_OF_A_SMALL_SERVICE = 5
"""The same for a service of one pod."""
FEW = 100
"""Rules that many are compared with."""
OPEN = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n"


@dataclass(frozen=True, slots=True)
class Case:
    """Programs that do the same: ours, then the reference, if it is there, then others to look at.

    ``most``: how many times the reference's time ours may take; ``less``: a program whose time is taken off ours first;
    ``their_less``: the same for the reference. ``rules``: how many there are, for the memory of one. ``missing``: the
    reference, for where it is not there.
    """

    title: str
    programs: tuple[Program, ...]
    most: float
    rules: int = 0
    less: Program | None = None
    their_less: Program | None = None
    missing: str = "iptables"


@dataclass(frozen=True, slots=True)
class Place:
    """Where files are made; ``inside`` stands before commands that need the kernel's tables, None where there are none."""

    folder: Path
    inside: tuple[str, ...] | None

    def file(self, name: str, lines: Iterator[str]) -> Path:
        """Write a file."""
        path = self.folder / name
        with open(path, "w") as file:
            file.writelines(lines)
        return path

    def references(self, *found: tuple[str, ...]) -> tuple[Program, ...]:
        """Programs of the machine, inside the namespace; those that are not there are left out."""
        if self.inside is None:
            return ()
        return tuple(Program(words[0], (*self.inside, *words)) for words in found if shutil.which(words[0]))

    def with_rules(self, path: Path) -> bool:
        """Put rules into the kernel's tables; whether it took them."""
        if self.inside is None:
            return False
        return subprocess.run([*self.inside, "iptables-legacy-restore", path], check=False).returncode == 0


def ours(name: str, *words: str | Path) -> Program:
    """A program of pyipt, from the environment that runs this."""
    return Program(name, tuple(map(str, (BIN / name, *words))))


def rulesets(place: Place, sizes: tuple[int, ...]) -> Iterator[tuple[str, Path, int, float]]:
    """Title, file, number of rules, and how many times the reference's time loading may take."""
    for size in sizes:
        services = kube.services(round(size / RULES_OF_A_SERVICE))
        path = place.file(f"kube-{size}.rules", kube.ruleset(services))
        count = path.read_text().count("\n-A ")
        yield f"kube, {count:,} rules", path, count, 4
    path = place.file(f"flat-{sizes[-1]}.rules", flat.ruleset(sizes[-1]))
    yield f"flat, {sizes[-1]:,} rules", path, sizes[-1], 8


def loading(place: Place, sizes: tuple[int, ...]) -> Iterator[Case]:
    """``pyipt-restore --test``."""
    none = place.folder / "none"
    for title, path, count, most in rulesets(place, sizes):
        restore = ours("pyipt-restore", "--test", "--file", none, path)
        names = ("iptables-legacy-restore", "iptables-nft-restore")
        others = place.references(*((name, "--test", str(path)) for name in names))
        yield Case(f"load {title}", (restore, *others), most, count)


def saving(place: Place, sizes: tuple[int, ...]) -> Iterator[Case]:
    """``pyipt-save``, ``-S`` and ``-L -n -v``, all beside iptables-legacy-save."""
    for title, path, count, _ in rulesets(place, sizes[-1:]):
        store = place.folder / "store"
        store.unlink(missing_ok=True)
        subprocess.run([BIN / "pyipt-restore", "--file", store, path], check=True, env=ENVIRONMENT)
        reference = place.references(("iptables-legacy-save", "-c")) if place.with_rules(path) else ()
        table = "nat" if title.startswith("kube") else "filter"
        yield Case(f"save {title}", (ours("pyipt-save", "-c", "--file", store), *reference), 8, count)
        for option in ("-S", "-nvL"):
            listed = ours("pyipt", "--file", store, "-t", table, option)
            yield Case(f"pyipt {option}, {title}", (listed, *reference), 8, count)


def starting(place: Place) -> Iterator[Case]:
    """The smallest calls, beside the start of the interpreter with click."""
    store = place.folder / "small"
    click = Program('python -c "import click"', (sys.executable, "-c", "import click"))
    yield Case("pyipt -t filter -L, no rules", (ours("pyipt", "--file", store, "-t", "filter", "-L"), click), 1.6)
    append = ours("pyipt", "--file", store, "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "ACCEPT")
    append = replace(append, before=lambda: store.unlink(missing_ok=True))
    yield Case("pyipt -A INPUT -p tcp --dport 22 -j ACCEPT", (append, click), 2)


def tracing(place: Place, packets: int, flows: int) -> Iterator[Case]:
    """``pyipt trace --summary`` through a ruleset of 10,000 services, less the time for one packet, beside tcpdump."""
    host = place.file("host.toml", iter([captures.HOST]))
    services = kube.services(10_000, endpoints=1)
    rules = place.file("services.rules", kube.ruleset(services))
    capture, single = place.folder / "many.pcapng", place.folder / "one.pcapng"
    for path, count, parts in ((capture, packets, flows), (single, 1, 1)):
        with open(path, "wb") as file:
            captures.write(file, services, count, parts)
    words = ("trace", "--rules", rules, "--host", host, "--save-rules", place.folder / "counted", "--summary")
    load = replace(ours("pyipt", *words, single), name="loading")
    tcpdump = Program("tcpdump -nr", ("tcpdump", "-nr", str(capture)))
    reference = (tcpdump,) if shutil.which("tcpdump") else ()
    yield Case(
        f"trace {packets:,} packets", (ours("pyipt", *words, capture), *reference), 1, less=load, missing="tcpdump"
    )


def growth(place: Place, many: int, packets: int, flows: int) -> Iterator[Case]:
    """What a packet costs with many rules, beside what it costs with few: in long flows, and in flows that just begin."""
    host = place.file("host.toml", iter([captures.HOST]))
    asked = kube.services(FEW // RULES_OF_A_SMALL_SERVICE, endpoints=1)
    straight = [
        replace(one, address=one.endpoints[0], port=one.target_port) for one in asked if one.endpoints
    ]  # as nobody translates them in a flat ruleset
    for kind, wanted in (("kube", asked), ("flat", straight)):
        rules = [_grown(place, kind, count) for count in (many, FEW)]
        single = _captured(place, wanted, f"{kind}-one", 1, 1)
        for what, count, parts in (("usual", packets // 5, flows // 10), ("new", packets // 25, packets // 100)):
            capture = _captured(place, wanted, f"{kind}-{what}", count, parts)
            most, least, most_less, least_less = (
                ours("pyipt", "trace", "--rules", one, "--host", host, "--summary", path)
                for path in (capture, single)
                for one in rules
            )
            yield Case(
                f"trace {count:,} packets of {parts:,} flows, {kind}, {many:,} rules",
                (most, replace(least, name=f"{FEW} rules")),
                1.5,
                less=replace(most_less, name="loading"),
                their_less=replace(least_less, name="loading few"),
            )


def _grown(place: Place, kind: str, count: int) -> Path:
    """A ruleset that forwards, of so many rules."""
    name = f"grown-{kind}-{count}.rules"
    if kind == "kube":
        return place.file(name, kube.ruleset(kube.services(count // RULES_OF_A_SMALL_SERVICE, endpoints=1)))
    lines = (line.replace("-A INPUT", "-A FORWARD").replace("COMMIT\n", OPEN) for line in flat.ruleset(count))
    return place.file(name, lines)


def _captured(place: Place, wanted: list[kube.Service], name: str, packets: int, flows: int) -> Path:
    """A capture of flows to those services."""
    path = place.folder / f"{name}.pcapng"
    with open(path, "wb") as file:
        captures.write(file, wanted, packets, flows)
    return path
