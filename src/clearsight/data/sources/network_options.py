"""Options of reading a source that a trained network determines."""

# Commands that use a trained network do not have these options.
NETWORK_OPTIONS = ("image_size", "resize", "channels", "test_split")
