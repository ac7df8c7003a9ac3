"""Counters (U)."""
