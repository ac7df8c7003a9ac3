"""Matches, one file each."""
