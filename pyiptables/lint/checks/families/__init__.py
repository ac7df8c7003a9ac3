"""IPv4 against IPv6 (V)."""
