"""From a model and images to a trained model and its history."""
