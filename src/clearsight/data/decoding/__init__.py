"""Turning the images of a `Listing` into one array on disk, once."""
