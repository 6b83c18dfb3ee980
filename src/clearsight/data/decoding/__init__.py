"""Turning the pictures of a `Listing` into one array on disk, once."""
