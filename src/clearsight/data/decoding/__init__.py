"""Decoding the images of a `Listing` into arrays on disk, once."""
