"""Programs in the manner of Keras's guides and examples for images: each has `make` and `train`."""
