"""Keras models: building them from a name, reading their graph, and tracing them."""
