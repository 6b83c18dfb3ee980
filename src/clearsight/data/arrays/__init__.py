"""Arrays of images and labels: checks, and conversion to uint8 images and class numbers."""
