"""Suppressions themselves (X)."""
