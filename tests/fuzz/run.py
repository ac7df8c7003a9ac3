#!/usr/bin/env python3
"""run.py [--minutes N] [--keep FOLDER] [TARGET...]: fuzz for a while, and say what was found.

Each target (see targets.py; all unless named) gets the same time, in rounds with new seeds. An input that fails is made
as small as can be, printed with what it led to, and kept in FOLDER under a name that ``run.py TARGET < FILE`` repeats.
Exit status 1 when anything was found.
"""

import argparse
import hashlib
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from targets import TARGETS

ROUND = 300
"""Inputs of one round."""


class Found(Exception):
    """An input of a target that failed."""

    def __init__(self, name, data, error):
        super().__init__(name)
        self.name, self.data, self.error = name, data, error


def one_round(name, number):
    """Some inputs for one target; how many there were. Raises Found."""
    function, inputs = TARGETS[name]
    tried, failed = 0, None

    @seed(number)
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs())
    def check(data):
        nonlocal tried, failed
        tried += 1
        try:
            function(data)
        except Exception as error:
            failed = (data, error)
            raise

    try:
        check()
    except Exception as error:
        if failed is None:
            raise
        raise Found(name, *failed) from error
    return tried


def place_of(error):
    """Where an exception came from: the same fault has the same place."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} {last.filename}:{last.lineno}"


def main():
    options = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--keep", type=Path)
    options.add_argument("--seed", type=int, default=0, help="the first round's number")
    options.add_argument("targets", nargs="*", default=list(TARGETS))
    given_options = options.parse_args()
    end = time.monotonic() + 60 * given_options.minutes
    tried, found, number = Counter(), {}, given_options.seed
    while time.monotonic() < end:
        for name in given_options.targets:
            try:
                tried[name] += one_round(name, number)
            except Found as fault:
                tried[name] += ROUND
                if (place := place_of(fault.error)) not in found:
                    found[place] = name
                    print(f"{name}: {place}: {fault.error}\n  {fault.data!r}", flush=True)
                    if given_options.keep:
                        given_options.keep.mkdir(parents=True, exist_ok=True)
                        (given_options.keep / f"{name}-{hashlib.sha1(fault.data).hexdigest()[:8]}").write_bytes(
                            fault.data
                        )
        number += 1
    print(f"{len(found)} faults in " + ", ".join(f"{count} inputs for {name}" for name, count in tried.items()))
    return int(bool(found))


if __name__ == "__main__":
    if not sys.stdin.isatty() and len(sys.argv) == 2 and sys.argv[1] in TARGETS:
        TARGETS[sys.argv[1]][0](sys.stdin.buffer.read())
    else:
        sys.exit(main())
