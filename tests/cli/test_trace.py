"""What `pyipt trace` prints: stories beside the commands that print them, and what broken input leads to.

A story is a file: `$ ` and the words after `pyipt trace`, with HOST/ for rulesets/; then the text, byte for byte.
Run this file as a program to write the texts anew, and read the difference before keeping it.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HOSTS = HERE.parents[1] / "rulesets"
STORIES = sorted((HERE / "stories").glob("*.txt"))


def run(words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    arguments = shlex.split(words.replace("HOST/", f"{HOSTS}/"))
    return subprocess.run(
        [sys.executable, "-m", "pyiptables", "trace", *arguments], input=stdin, capture_output=True, check=False
    )


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_story(story: Path) -> None:
    command, _, expected = story.read_text().partition("\n")
    done = run(command.removeprefix("$ "))
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == expected


@pytest.mark.parametrize("story", [path for path in STORIES if path.stem != "kernel-log"], ids=lambda path: path.stem)
def test_story_fits(story: Path) -> None:
    assert [line for line in story.read_text().splitlines()[1:] if len(line) > 80] == []


ROUTER = "--snapshot HOST/home-router"
CAPTURE = (HOSTS / "home-router" / "capture.pcapng").read_bytes()

BROKEN = [
    # words, standard input, exit status, what standard error says
    (f"{ROUTER} -", b"", 1, "empty"),
    (f"{ROUTER} -", b"not a capture at all", 1, "expected"),
    (f"{ROUTER} -", CAPTURE[:5000], 1, "warning"),
    (f"{ROUTER} /nowhere.pcap", b"", 1, "No such file"),
    (f"{ROUTER} --packet 7 HOST/home-router/capture.pcapng", b"", 1, "frame 7 was not sent through the rules"),
    (f"{ROUTER} --packet 9999 HOST/home-router/capture.pcapng", b"", 1, "there is no packet 9999"),
    ("--snapshot /nowhere -", b"", 1, "/nowhere is no folder"),
    ("--rules /nowhere -", b"", 1, "there is no ruleset /nowhere"),
    (f"{ROUTER} -i eth9 -p udp -s 192.0.2.1 -d 192.0.2.2 --dport 1", b"", 1, "no interface 'eth9'"),
    (f"{ROUTER} -i eth0 -p tcp -s 192.0.2.1 -d 192.0.2.2 --dprot 22", b"", 1, "--dport"),
    (f"{ROUTER} --write /nowhere/x.pcapng HOST/home-router/capture.pcapng", b"", 1, "No such file"),
    (f"{ROUTER} --save-rules /nowhere/x HOST/home-router/capture.pcapng", b"", 1, "cannot write /nowhere/x"),
    (
        "--strict --rules HOST/web-server/rules.v4 HOST/web-server/capture.pcapng",
        b"",
        1,
        "--strict: it would have to be",
    ),
    (f"{ROUTER} --strict --kernel-time-zone 2h HOST/home-router/capture.pcapng", b"", 1, "expected +HH:MM"),
    (f"{ROUTER} --owner root HOST/home-router/capture.pcapng", b"", 1, "expected UID or UID:GID"),
    (ROUTER, b"", 2, "name a capture"),
    (f"{ROUTER} --format xml -", b"", 2, "xml"),
]


@pytest.mark.parametrize(("words", "stdin", "status", "message"), BROKEN)
def test_broken_input(words: str, stdin: bytes, status: int, message: str) -> None:
    done = run(words, stdin)
    text = done.stderr.decode()
    assert (done.returncode, message in text, "Traceback" in text) == (status, True, False), text


def test_truncated_capture_keeps_what_was_read() -> None:
    whole = run(f"{ROUTER} --format json -", CAPTURE).stdout.splitlines()
    cut = run(f"{ROUTER} --format json -", CAPTURE[:5000]).stdout.splitlines()
    assert 0 < len(cut) < len(whole)
    assert cut == whole[: len(cut)]


def test_json_objects_are_whole() -> None:
    for line in run(f"{ROUTER} --format json HOST/home-router/capture.pcapng").stdout.splitlines():
        packet = json.loads(line)
        assert packet.keys() >= {"number", "time", "direction", "interface", "packet", "verdict", "events"}
        assert packet["events"][0]["event"] == "arrived"


def write_stories() -> None:
    """Write every story's text as the program prints it now."""
    for story in STORIES:
        command = story.read_text().partition("\n")[0]
        story.write_text(f"{command}\n{run(command.removeprefix('$ ')).stdout.decode()}")


if __name__ == "__main__":
    write_stories()
