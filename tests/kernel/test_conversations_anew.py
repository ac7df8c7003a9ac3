"""Some of the conversations that were recorded once, held with the machine's kernel anew: does it still answer so?

The seed, the date or ``PYIPT_SEED``, draws which. Needs what ``record_conversations.py`` needs, nfct where a policy is.
"""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "netfilter")]

from dialogue import Conversation, files, read, same
from record_conversations import steadily

SEED = os.environ.get("PYIPT_SEED") or f"{datetime.now(UTC):%Y%m%d}"
TOOLS = ("ip", "iptables-legacy", "ip6tables-legacy", "ipset", "conntrack", "nft", "ethtool", "sysctl")
DRAWN = 15
ALL = [pytest.param(one, id=f"{path.stem}: {one.title}") for path in files() for one in read(path)]

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("conversation", Random(SEED).sample(ALL, DRAWN))
def test_the_kernel_still_says_so(conversation: Conversation) -> None:
    if conversation.told("policy") and not shutil.which("nfct"):
        pytest.skip("nfct: not there")
    answers = steadily(conversation)
    if answers is None:
        pytest.skip("the kernel does not repeat itself")
    for number, (step, answer) in enumerate(zip(conversation.steps, answers, strict=True), 1):
        assert same(step.answer, answer), f"step {number}, {step.words}: {answer}, recorded: {step.answer}"
