"""Packets: headers, checksums, captures, notation."""
