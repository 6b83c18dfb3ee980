"""From a source to images and labels. Needs NumPy and Pillow; knows nothing of networks."""
