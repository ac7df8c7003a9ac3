"""E010."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.finding import Edit, Finding, Fix, Proof, Severity
from pyiptables.lint.refusals import LEFTOVER, RefusalCheck
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
            if source.crlf and source.kind == "save":
                place = subject.line_place(source, 1)
                text = "lines end in CR LF: iptables-restore takes the carriage return for part of the last word"
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

    def mend(self, refused: Refused) -> Fix | None:
        """The last line's missing line break, which makes COMMIT no COMMIT."""
        refusal = refused.refusal
        raw = refused.source.lines[refusal.line - 1] if refusal.line <= len(refused.source.lines) else ""
        if raw.strip() == "COMMIT" and raw != "COMMIT\n":
            edit = Edit(refused.source.path, refusal.line, 1, len(raw) + 1, "COMMIT\n")
            return Fix("Write COMMIT alone on its line", True, (edit,))
        return None
