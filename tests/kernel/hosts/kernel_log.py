"""Listening to the kernel's log, where LOG writes, while something else goes on."""

from __future__ import annotations

import os
import select
import threading
from pathlib import Path

_DEVICE = "/dev/kmsg"
_EVERYWHERE = Path("/proc/sys/net/netfilter/nf_log_all_netns")
"""Whether namespaces other than the machine's own may write to its log."""
_LONGEST = 8192
_WAIT = 0.05


class KernelLog:
    """The lines logged since the context was entered, without times; logging is allowed to all namespaces meanwhile.

    The log is everybody's and its room is small, so a thread reads along.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._lost = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="kernel log")

    def __enter__(self) -> KernelLog:
        self._allowed = _EVERYWHERE.read_text()
        _EVERYWHERE.write_text("1")
        self._file = os.open(_DEVICE, os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self._file, 0, os.SEEK_END)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._file)
        _EVERYWHERE.write_text(self._allowed)

    def lines(self) -> list[str]:
        """Stop listening and give the lines; RuntimeError when the kernel overwrote some before they were read."""
        self._stop.set()
        self._thread.join()
        if self._lost:
            raise RuntimeError("others filled the kernel's log faster than it could be read: record again")
        return self._lines

    def _listen(self) -> None:
        while select.select([self._file], [], [], _WAIT)[0] or not self._stop.is_set():
            try:
                message = os.read(self._file, _LONGEST).decode(errors="replace")
            except BlockingIOError:
                continue
            except BrokenPipeError:
                self._lost = True
                continue
            self._lines.append(message.partition(";")[2].partition("\n")[0])
