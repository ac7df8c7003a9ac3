"""Finding what is wrong with a ruleset: checks, their findings, and how these are chosen, kept silent and shown."""
