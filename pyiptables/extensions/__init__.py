"""Matches and targets: how they are declared, the kinds of their values, and one file for each."""
