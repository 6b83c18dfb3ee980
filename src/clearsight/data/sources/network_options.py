"""Options of reading a source that a trained network determines."""

# Whatever uses a network does not take them.
NETWORK_OPTIONS = ("image_size", "resize", "channels", "test_split")
