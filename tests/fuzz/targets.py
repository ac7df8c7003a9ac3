"""What is fuzzed: each takes bytes, and lets nothing out but the project's own errors.

The commands' own functions are run in this process, on a ruleset file that is made anew for each input; a status above 4
or an exception is a fault. What was taken must also be kept: the file must be readable afterwards.
"""

import io
import shlex
import shutil
import sys
import tempfile
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import cache
from pathlib import Path

from hypothesis import strategies as st
from material import (
    HOST_FILE,
    HOSTS,
    captures,
    command_lines,
    mutated,
    packet_words,
    restore_files,
    rule_words,
    set_files,
    snapshots,
)

from pyiptables import Engine, Family, Host, Replay, load, parse_packet, save
from pyiptables.cli import iptables as command
from pyiptables.cli import restore, trace
from pyiptables.errors import Error
from pyiptables.ipset.reading import load as load_sets
from pyiptables.ipset.saving import save as save_sets
from pyiptables.packet.capture import open_capture

HIGHEST_STATUS = 4
TYPED = 9
"""How many of the first packets in words are sent through each ruleset."""
SMALL = b"*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:foo - [0:0]\n-A INPUT -j foo\nCOMMIT\n"


def text_of(data):
    return data.decode("utf-8", "surrogateescape")


@contextmanager
def streams(data=b""):
    """Standard input with these bytes; what is written goes nowhere."""
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(data))
    try:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()):
            yield out
    finally:
        sys.stdin = before


@contextmanager
def file_of(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rules")
        path.write_bytes(data)
        yield path


def fair(status):
    assert 0 <= status <= HIGHEST_STATUS, f"exit status {status}"
    return status


def command_line(data):
    """A command of iptables, on a small ruleset; then the ruleset is listed and saved."""
    with suppress(ValueError), file_of(SMALL) as path:  # which shlex raises
        words = [word for word in shlex.split(text_of(data)) if "\0" not in word]
        for family in Family:
            with streams():
                fair(command.main(words, family, str(path)))
                for listed in (["-S"], ["-L", "-n", "-v"], ["-L", "-t", "nat"]):
                    assert command.main(listed, family, str(path)) == 0, "the file that it made cannot be read"
            path.write_bytes(SMALL)


def restore_file(data):
    """Input of iptables-restore, for both families; what is loaded must read the same again after it was saved."""
    with file_of(SMALL) as path, streams(data):
        fair(restore.main(["--file", str(path)], Family.IPV4))
        assert command.main(["-S"], Family.IPV4, str(path)) == 0, "the file that it made cannot be read"
    with file_of(SMALL) as path, streams(data):
        fair(restore.main(["--file", str(path), "-n", "-c", "-v"], Family.IPV6))
        assert command.main(["-S"], Family.IPV6, str(path)) == 0, "the file that it made cannot be read"
    with suppress(Error):
        save(load(text_of(data).splitlines(keepends=True)))


@cache
def host(name):
    folder = HOSTS / name
    return load(folder / "rules.v4"), Host.from_snapshot(folder)


def capture(data):
    """A capture, replayed through a host."""
    with suppress(Error), open_capture(io.BytesIO(data), name="capture") as frames:
        replay = Replay(Engine(*host("home-router"), misses=True))
        for frame in frames:
            replay.feed(frame)


def snapshot(data):
    """A snapshot of a host, one of whose files is what stands behind the first line: the folder and the file's name."""
    place, _, rest = data.partition(b"\n")
    folder, _, name = text_of(place).partition("/")
    with tempfile.TemporaryDirectory() as made:
        shutil.copytree(HOSTS / folder, made, dirs_exist_ok=True)
        Path(made, name).write_bytes(rest)
        with suppress(Error):
            found = Host.from_snapshot(made)
            Engine(host(folder)[0], found).send(
                parse_packet("-i eth0 -p tcp -s 198.51.100.7 -d 203.0.113.10 --dport 443 --syn")
            )


def host_file(data):
    """A host in TOML."""
    with file_of(data) as path, suppress(Error):
        Host.from_toml(path)


def sets(data):
    """A file of ipset."""
    with suppress(Error):
        list(save_sets(load_sets(text_of(data).splitlines(keepends=True), "sets")))


def packet(data):
    """A packet in words, sent to a host; and ``pyipt trace`` with these words."""
    with suppress(ValueError):
        words = shlex.split(text_of(data))
        for family in Family:
            with suppress(Error):
                Engine(*host("home-router"), misses=True).send(parse_packet(words, family))
        with streams():
            fair(trace.main(["--snapshot", str(HOSTS / "home-router"), *words], Family.IPV4))


def traced(data):
    """Rules, walked by packets that are of many protocols."""
    with suppress(Error):
        ruleset = load(text_of(data).splitlines(keepends=True))
        engine = Engine(ruleset, host("home-router")[1], misses=True)
        for words in packet_words()[:TYPED]:
            with suppress(Error):
                engine.send(parse_packet(shlex.split(text_of(words))))


def pieces(found, most=1):
    return st.lists(st.sampled_from(found), min_size=1, max_size=most).map(b"".join)


def snapshot_files():
    seeds = snapshots()
    contents = st.sampled_from([content for _, _, content in seeds])
    return st.sampled_from(seeds).flatmap(
        lambda seed: mutated(st.just(seed[2]), contents).map(lambda data: f"{seed[0].name}/{seed[1]}\n".encode() + data)
    )


TARGETS = {
    "command": (command_line, lambda: mutated(st.sampled_from(command_lines()), st.sampled_from(rule_words()))),
    "restore": (restore_file, lambda: mutated(pieces(restore_files(), 2), st.sampled_from(rule_words()))),
    "capture": (capture, lambda: mutated(st.sampled_from(captures()))),
    "snapshot": (snapshot, snapshot_files),
    "host-file": (host_file, lambda: mutated(st.just(HOST_FILE))),
    "sets": (sets, lambda: mutated(pieces(set_files(), 2))),
    "packet": (packet, lambda: mutated(st.sampled_from(packet_words()))),
    "traced": (traced, lambda: mutated(pieces(restore_files()), st.sampled_from(rule_words()))),
}
"""By name: the function, and what makes the strategy of its inputs."""
