#!/usr/bin/env python3
"""record_seeds.py OUT [--seeds 1-20] [--areas sets,fragments] [--families 4,6]: record scenarios of seeds.

Each scenario is played twice into a host made of the machine's own kernel; the folders of those that the kernel repeats
stay in OUT, to be replayed by ``python tests/netfilter/recorded.py OUT/*``. Needs root, iproute2, iptables (legacy),
ipset, conntrack, nftables and ethtool.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from oracle.areas import AREAS, scenario
from oracle.recording import record_steady, seeds


def main() -> None:
    """Read the command line and record."""
    parser = argparse.ArgumentParser(description="record scenarios of seeds (needs root)")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", default="1-5", help="a range or a list: 1-20, 3,5,8")
    parser.add_argument("--areas", default=",".join(AREAS), help=", ".join(AREAS))
    parser.add_argument("--families", default="4,6")
    options = parser.parse_args()
    areas = options.areas.split(",")
    if unknown := set(areas) - AREAS.keys():
        parser.error(f"no area {', '.join(sorted(unknown))}: expected {', '.join(AREAS)}")
    if os.geteuid():
        parser.error("needs root")
    kept = drawn = 0
    for seed in seeds(options.seeds):
        for area in areas:
            for family in AREAS[area].families:
                if str(family) in options.families.split(","):
                    one = scenario(area, family, seed)
                    unsteady = record_steady(one, options.out / one.name)
                    kept, drawn = kept + (not unsteady), drawn + 1
                    print(f"{one.name}: unsteady in {', '.join(unsteady[:3])}" if unsteady else one.name, flush=True)
    print(f"{kept} of {drawn} scenarios are steady")


if __name__ == "__main__":
    main()
