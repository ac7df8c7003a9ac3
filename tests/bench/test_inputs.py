"""What the benchmarks are fed with is what it is said to be."""

from __future__ import annotations
