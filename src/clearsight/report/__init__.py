"""From findings to images."""
