"""Reading a training curve: what it shows, how certain that is, and which numbers support it."""
