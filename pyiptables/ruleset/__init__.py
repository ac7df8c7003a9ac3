"""Rulesets: the frozen model, edits that make new ones, and what the kernel checks before it takes one."""
