"""A Keras graph as a program of torch operations: its representation, compilation and passes."""
