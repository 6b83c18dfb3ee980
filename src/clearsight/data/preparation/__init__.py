"""From an image file to a network's input: reading, resizing, scaling, test-time augmentation."""
