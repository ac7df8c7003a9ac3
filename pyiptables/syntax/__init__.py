"""iptables' own words: command lines, option walk, commands and their execution, restore files."""
