"""95% intervals for proportions and means, and the bootstrap."""
