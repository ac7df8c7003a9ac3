"""Running tests: cases through an engine, statements through packet sets."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.testing.expectations import differences
from pyiptables.testing.firewall import Firewall, Sent
from pyiptables.testing.reading import TestFileError
from pyiptables.testing.results import Failure, Result, Status
from pyiptables.testing.steps import leans, read_packets
from pyiptables.testing.suite import Case, Claim, Packets, Suite


def run(suite: Suite, words: str = "") -> Iterator[Result]:
    """Run the tests of a file whose names have these words in them.

    TestFileError where one cannot be run: a packet arrives where the host has no interface, a ruleset is broken.
    """
    for test in suite.chosen(words):
        yield run_one(suite, test)


def run_one(suite: Suite, test: Case | Claim) -> Result:
    """Run one test; errors as :func:`run`."""
    if test.skip:
        return Result(suite, test, Status.SKIPPED)
    begun = time.perf_counter()
    try:
        if isinstance(test, Case):
            status, failures, assumed = _case(suite, test)
        else:
            from pyiptables.testing.sets import decide

            status, failures, assumed = decide(suite, test)
    except TestFileError:
        raise
    except Error as error:
        hint = error.hint
        if error.source is not None:  # a ruleset or host file, which names its own place
            raise
        raise TestFileError(
            f"{test.title!r} cannot be run: {error.text}", source=suite.label, line=test.line, hint=hint
        ) from error
    return Result(suite, test, status, tuple(failures), time.perf_counter() - begun, assumed)


def _case(suite: Suite, case: Case) -> tuple[Status, list[Failure], tuple[str, ...]]:
    """Send a case's packets; once more with what failed in each rule, where one is not as expected."""
    failures, firewall = _sent(suite, case, misses=False)
    if failures:
        failures, firewall = _sent(suite, case, misses=True)
    family = family_of(case)
    status = Status.FAILED if failures else Status.PASSED
    if failures and all(failure.unknown for failure in failures):
        status = Status.UNKNOWN
    return status, failures, firewall.source.assumptions(family)


def family_of(case: Case) -> Family:
    """The family of a case's packets."""
    return read_packets(case.steps[0].text)[0].family


def _sent(suite: Suite, case: Case, *, misses: bool) -> tuple[list[Failure], Firewall]:
    firewall = Firewall(suite.source, seed=suite.seed, time=case.time, misses=misses)
    packets = [packet for step in case.steps if not leans(step.text) for packet in read_packets(step.text)]
    firewall.engine(packets[0].family, *packets)
    failures: list[Failure] = []
    for number, step in enumerate(case.steps, 1):
        firewall.time += step.after
        sent = _send(suite, case, step, firewall, failures)
        if sent is None:
            break
        found = tuple(differences(step.expected, sent.outcome, suite.source)) if step.expected else ()
        if found:
            where = f"packet {number} of {len(case.steps)}" if len(case.steps) > 1 else ""
            failures.append(Failure(found, sent.outcome, where, line=step.line, packet=step.text))
    return failures, firewall


def _send(suite: Suite, case: Case, step: Packets, firewall: Firewall, failures: list[Failure]) -> Sent | None:
    """Send a step's packets; None where it leans on a packet that did not get through, which is a failure."""
    try:
        return firewall.send(step.text)
    except Error as error:
        if not leans(step.text):
            raise
        outcome = firewall.first_outcome
        failures.append(Failure((), outcome, note=f"{step.text!r} cannot be sent: {error.text}", line=step.line))
        return None
