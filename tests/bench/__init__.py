"""Benchmarks: rulesets and captures of any size, and pyipt beside the programs it stands for."""
