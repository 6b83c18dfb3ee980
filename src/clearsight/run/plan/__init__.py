"""Planning a run: the request resolved, the data read, the network built; nothing is written."""
