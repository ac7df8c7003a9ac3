"""``pyipt xml`` as iptables-xml 1.8.13, byte for byte.

A case in ``xml.txt`` is ``### OPTIONS | INPUT`` with the escapes of printf(1), then standard output, ``--- stderr``, standard
error and a line break, and ``=== STATUS``: all as the real program answered.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from pyiptables.cli.xml import main
from pyiptables.hooks import Family

CASE = re.compile(rb"### (.*?) ?\| (.*)\n((?:.*\n)*?)--- stderr\n((?:.*\n)*?)=== (\d+)\n")
ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|.)")
LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\"}


def unescaped(text: bytes) -> bytes:
    """The text that printf '%b' makes."""
    return ESCAPE.sub(lambda found: LETTERS.get(found[1]) or (bytes.fromhex(found[1][1:].decode())
                      if len(found[1]) > 1 else found[0]), text)  # fmt: skip


def cases():
    for found in CASE.finditer((Path(__file__).parent / "xml.txt").read_bytes()):
        options, given, out, err, status = found.groups()
        yield pytest.param(
            options.decode().split(), unescaped(given), out, err[:-1], int(status), id=f"{options} {found[2]}"[2:]
        )


@pytest.mark.parametrize(("words", "given", "out", "err", "status"), list(cases()))
def test_case(words, given, out, err, status, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    ended = main(words, Family.IPV4)
    printed, complained = (text.encode("utf-8", "surrogateescape") for text in capsys.readouterr())
    assert (printed, complained, ended) == (out, err, status)


def test_file(tmp_path, capsys):
    path = tmp_path / "rules"
    path.write_text("*filter\nCOMMIT\n")
    assert main([str(path)], Family.IPV4) == main([], Family.IPV4, str(path)) == 0
    assert capsys.readouterr().out.count('  <table name="filter" >\n') == 2
