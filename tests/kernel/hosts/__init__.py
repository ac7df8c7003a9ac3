"""The example hosts of rulesets/: how each is built and what is talked there, and the laboratory that plays it."""
