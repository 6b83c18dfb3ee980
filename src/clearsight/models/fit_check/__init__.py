"""Whether a network, its loss and its data fit together: the mistakes that beginners make."""
