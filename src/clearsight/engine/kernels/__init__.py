"""What torch has no fast operation for, in C; without a compiler at installation torch does it."""
