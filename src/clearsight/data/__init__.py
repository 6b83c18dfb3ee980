"""From a name to images and labels. Needs numpy and Pillow; knows nothing of networks."""
