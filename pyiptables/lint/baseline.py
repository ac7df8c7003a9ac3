"""A baseline: the findings of today, so that only new ones are reported tomorrow.

A finding is known again by its code, file, table, chain and the text of its line, not by the line's number.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence

from pyiptables.errors import Error
from pyiptables.lint.finding import Finding

VERSION = 1


class BaselineError(Error):
    """A baseline that cannot be read."""


def fingerprint(finding: Finding) -> str:
    """What a finding is known by, however the lines around it move."""
    place = finding.place
    text = " ".join(place.text.split())
    parts = (finding.code, os.path.basename(place.file), place.table, place.chain, text)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def dump(findings: Iterable[Finding]) -> str:
    """The text of a baseline."""
    counted = Counter(f"{finding.code}:{fingerprint(finding)}" for finding in findings)
    return json.dumps({"version": VERSION, "findings": dict(sorted(counted.items()))}, indent=1) + "\n"


def read(path: str) -> Counter[str]:
    """The findings of a baseline file; BaselineError when it is none."""
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except OSError as error:
        raise BaselineError(f"cannot read the baseline {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"{path} is no baseline: {error}") from error
    found = values.get("findings") if isinstance(values, dict) else None
    if not isinstance(found, dict) or values.get("version") != VERSION:
        raise BaselineError(f"{path} is no baseline of version {VERSION}")
    if not all(isinstance(count, int) for count in found.values()):
        raise BaselineError(f"{path} is no baseline: a count is no number")
    return Counter(found)


def new(findings: Sequence[Finding], known: Counter[str]) -> list[Finding]:
    """The findings that the baseline does not have, or has fewer times."""
    left = known.copy()
    found = []
    for finding in findings:
        key = f"{finding.code}:{fingerprint(finding)}"
        if left[key] > 0:
            left[key] -= 1
        else:
            found.append(finding)
    return found
