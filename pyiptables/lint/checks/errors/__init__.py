"""What iptables or the kernel would refuse (E)."""
