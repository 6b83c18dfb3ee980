"""Every use of Keras's internals, in this one package: all else uses Keras's public API."""
