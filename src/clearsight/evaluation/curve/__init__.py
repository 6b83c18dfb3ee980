"""Reading a training curve: what it shows, how surely, and what it rests on."""
