"""Rules against rules (R)."""
