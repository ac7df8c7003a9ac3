"""Scripts, and being locked out (L)."""
