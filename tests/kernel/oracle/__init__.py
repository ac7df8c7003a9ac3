"""Scenarios drawn from a seed, played into a host made of the machine's own kernel, and kept as recordings."""
