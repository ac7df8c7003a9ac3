"""What policies ask for; off until asked for (P)."""
