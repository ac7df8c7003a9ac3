"""What is taken without a word, and does something else or nothing (W)."""
