"""Findings as the remarks that the forms of other tools' reports are written from."""

from __future__ import annotations

from pyiptables.lint.baseline import fingerprint
from pyiptables.lint.finding import Finding
from pyiptables.lint.shown import shown
from pyiptables.reports.entry import Entry


def entry_of(finding: Finding) -> Entry:
    """The finding with the rules that cover, the witness and the note as its details."""
    place, proof = finding.place, finding.proof
    details = [f"by {each.file}:{each.line}: {shown(each.text.strip())}" for each in proof.covering]
    if proof.witness:
        details.append(f"packet: {shown(proof.witness)}")
    if proof.note:
        details.append(f"note: {shown(proof.note)}")
    return Entry(
        shown(place.file),
        finding.severity.label,
        finding.code,
        shown(finding.message),
        line=place.line,
        column=place.column,
        end_column=max(place.end_column or len(place.text) + 1, place.column),
        name=finding.name,
        details=tuple(details),
        mark=fingerprint(finding),
    )
