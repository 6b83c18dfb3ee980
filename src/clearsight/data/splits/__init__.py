"""Training, validation and test sets: the class that holds them, and how they are split."""
