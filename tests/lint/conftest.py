"""A folder with a few small rulesets, where the commands of lint are tried."""

from __future__ import annotations

import pytest
from small_rulesets import BAD, BITS, CLEAN, EMPTY


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (("clean", CLEAN), ("bad", BAD), ("bits", BITS), ("empty", EMPTY)):
        (tmp_path / name).write_text(text)
    return tmp_path
