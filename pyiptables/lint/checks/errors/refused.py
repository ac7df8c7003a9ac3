"""E010."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pyiptables.lint.finding import Edit, Finding, Fix, Proof, Severity
from pyiptables.lint.refusals import LEFTOVER, RefusalCheck, other_family
from pyiptables.lint.subject import Refused, Subject


class OtherwiseRefused(RefusalCheck):
    """Whatever else iptables would refuse: options given twice, reversed ranges, masks, the frame of the file.

    A restore file is read up to the first bad line and not loaded at all, nor any other table of it that comes later; every
    line is looked at here. The frame is ``*table``, chains, rules, ``COMMIT`` alone on its line with a line break behind it,
    without carriage returns.

    A table that comes twice is no error to iptables-restore, which then empties it in between: only the last one is left,
    unless the file is loaded with --noflush. That is a warning.

    Bad:
        -A INPUT -s 10.0.0.1 -s 10.0.0.2 -j DROP
        -A INPUT -p tcp --dport 90:80 -j DROP
        -A INPUT -s 10.0.0.0/33 -j DROP

    Good:
        -A INPUT -s 10.0.0.1,10.0.0.2 -j DROP
        -A INPUT -p tcp --dport 80:90 -j DROP
        -A INPUT -s 10.0.0.0/32 -j DROP

    Suppress when:
        the file is a template that is filled in before it is loaded.
    """

    code = LEFTOVER
    name = "refused"
    fixable = True

    def claims(self, refused: Refused) -> bool:
        """All that is left."""
        return False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """What is left of the refusals, then what is about whole files."""
        yield from super().run(subject)
        for source in subject.sources:
            if source.crlf:
                place = subject.line_place(source, 1)
                reader = "iptables-restore" if source.kind == "save" else "the shell"
                text = f"lines end in CR LF: {reader} takes the carriage return for part of the last word"
                mend = Fix("Take the carriage returns away", True, (Edit(source.path, 1, 1, 1, ""),))
                yield self.found(place, text, proof=Proof(note="here the file is read as if it had none"), fix=mend)
        if subject.settings.noflush:
            return
        for family in subject.families:
            for source, again in subject.readings[family].repeated:
                if again.rules:
                    place = subject.line_place(source, again.line, table=again.table)
                    rules = "1 rule" if again.rules == 1 else f"{again.rules} rules"
                    text = f"the table {again.table} comes again: {rules} from line {again.before} on will be gone"
                    note = "iptables-restore empties a table each time it begins, unless --noflush is given"
                    yield self.found(place, text, proof=Proof(note=note), family=family, severity=Severity.WARNING)

    def report(self, refused: Refused) -> Finding:
        """The finding; of an address for the other program, or of a line that is moved to the right, that is said."""
        found = super().report(refused)
        text = refused.source.line(refused.refusal.line)
        if text[:1].isspace() and text.strip()[:1] in ("#", "*", ":", "C") and "outside" in found.message:
            return replace(found, proof=Proof(note="a line of a table, or a comment, begins without blanks"))
        address = other_family(refused)
        if address is None:
            return found
        version = 4 if refused.family.version == 6 else 6
        program = "iptables" if version == 4 else "ip6tables"
        return replace(found, proof=Proof(note=f"{address} is an IPv{version} address: it is for {program}"))

    def weight(self, refused: Refused) -> Severity:
        """Less for counters that are no numbers: only ``iptables-restore -c`` reads them."""
        return Severity.WARNING if refused.refusal.message.startswith("--set-counters ") else self.severity

    def mend(self, refused: Refused) -> Fix | None:
        """The last line's missing line break, which makes COMMIT no COMMIT."""
        refusal = refused.refusal
        raw = refused.source.lines[refusal.line - 1] if refusal.line <= len(refused.source.lines) else ""
        if raw.strip() == "COMMIT" and raw != "COMMIT\n":
            edit = Edit(refused.source.path, refusal.line, 1, len(raw) + 1, "COMMIT\n")
            return Fix("Write COMMIT alone on its line", True, (edit,))
        return None
