"""What happens to a packet on its way, as frozen events, and their recorder."""
