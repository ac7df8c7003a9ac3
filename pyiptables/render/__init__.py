"""What the program prints: rulesets, listings, traces."""
