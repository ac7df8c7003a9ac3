"""Runs programs for measure.py, one at a time: a small process, for a program never takes less memory than its parent.

Reads a JSON list of words a line, answers each with a JSON list: seconds, bytes at most, status, what was said.
"""

from __future__ import annotations

import json
import os
import sys
import time


def run(words: list[str]) -> tuple[float, int, int, str]:
    """One run: seconds from start to end, most bytes, exit status, the end of what was said on standard error."""
    heard, said = os.pipe()
    nothing = os.open(os.devnull, os.O_RDWR)
    places = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, nothing, 1), (os.POSIX_SPAWN_DUP2, said, 2)]
    begin = time.perf_counter()
    process = os.posix_spawnp(words[0], words, os.environ, file_actions=places)
    os.close(said)
    os.close(nothing)
    text = b""
    while some := os.read(heard, 1 << 16):
        text = (text + some)[-300:]
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - begin
    os.close(heard)
    return seconds, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status), text.decode(errors="replace")


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
