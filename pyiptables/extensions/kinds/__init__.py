"""Kinds of values: how a text is read, saved and listed, one file for each field of values."""
