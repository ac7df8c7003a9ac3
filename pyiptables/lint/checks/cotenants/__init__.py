"""K: rules beside those of Docker, kube-proxy, Calico, fail2ban and ufw."""
