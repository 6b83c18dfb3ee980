"""Runs Keras models fast: as programs of torch operations, on a device, in a precision."""
