"""Translation, and rules on both sides of it (N)."""
