"""What a person sees: colour where the terminal has it, lines that fit, a progress bar while it takes long."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from pyiptables.hooks import Family
from pyiptables.netfilter import QuickReplay
from pyiptables.packet.link import Frame
from pyiptables.render.summary import FateLines, Row, Tally, headline, row_of, row_of_fate, row_text
from pyiptables.render.trace import STYLES, Story, laid_out
from pyiptables.trace.events import Trace

PIPE_WIDTH = 80


class Screen:
    """Prints stories, rows and counts."""

    def __init__(self, family: Family, *, explain: bool = False) -> None:
        self.family = family
        self.explain = explain
        self.console = Console(highlight=False, soft_wrap=True, emoji=False, markup=False)
        self.width = self.console.width if self.console.is_terminal else PIPE_WIDTH
        self.headed = False
        self.told = False

    def out(self, text: str) -> None:
        """A line as it is."""
        sys.stdout.write(text + "\n")

    def _print(self, text: Text) -> None:
        if self.console.is_terminal or self.console.color_system:
            self.console.print(text, soft_wrap=True)
        else:
            self.out(text.plain)

    def story(self, trace: Trace) -> None:
        """A packet's whole story."""
        if self.told:
            self.out("")
        self.told = True
        for line in Story(self.family, explain=self.explain).lines(trace):
            for label, text in laid_out(line, self.width):
                made = Text(label, style=line.label_style)
                made.append(text, style=line.style)
                made.rstrip()
                self._print(made)

    def rows(self, traces: Iterable[Trace], start: int) -> None:
        """A line for each packet, under a headline."""
        self._headline()
        for trace in traces:
            self._row(row_of(trace, self.family), start)

    def lines(self, start: int) -> FateLines:
        """What makes and counts the lines of :meth:`fates`."""
        return FateLines(self.family, start, self.width)

    def fates(self, quick: QuickReplay, frames: Iterable[Frame], lines: FateLines) -> None:
        """A line for each packet, replayed without its story."""
        self._headline()
        fare, line, write = quick.fare, lines.line, sys.stdout.write
        rich = self.console.is_terminal
        for frame in frames:
            fate = fare(frame)
            if fate is None:
                continue
            if rich:
                lines.count(fate)
                self._row(row_of_fate(fate, frame.number, frame.time_ns, self.family), lines.start)
            elif fate.text is not None and not lines.wide:  # the usual line of the usual packet
                write(f"{frame[0]:>4}{fate.text}")
            else:
                write(line(fate, frame[0], frame[1]))

    def _headline(self) -> None:
        if not self.headed:
            self.headed = True
            self._print(Text(headline(self.width), style="dim"))

    def _row(self, row: Row, start: int) -> None:
        head, verdict, tail = row_text(row, start, self.width)
        made = Text(head)
        made.append(verdict, style=STYLES.get(row.verdict, ""))
        made.append(tail)
        made.rstrip()
        self._print(made)

    def tally(self, tally: Tally, more: Iterable[str]) -> None:
        """The counts at the end."""
        self.out("")
        for line in tally.lines(self.width):
            self.out(line)
        for line in more:
            self.out(line)

    def progress(self, frames: Iterable[Frame], capture: Any) -> Iterable[Frame]:
        """The frames, with a bar on standard error where that is a terminal and standard output is not."""
        if sys.stdout.isatty() or not sys.stderr.isatty() or not capture.size:
            return frames
        return self._with_bar(frames, capture)

    @staticmethod
    def _with_bar(frames: Iterable[Frame], capture: Any) -> Iterator[Frame]:
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("tracing", total=capture.size)
            for number, frame in enumerate(frames):
                if number % 256 == 0:
                    progress.update(task, completed=capture.position)
                yield frame
