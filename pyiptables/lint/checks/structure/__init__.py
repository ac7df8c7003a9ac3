"""Chains and jumps (S)."""
