"""IP sets as net/netfilter/ipset has them, and the text that the ``ipset`` program saves and restores."""
