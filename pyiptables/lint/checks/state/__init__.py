"""Connection tracking (C)."""
