"""Packet sets: which packets come to which rule, exactly, over decision diagrams."""
