"""From a model and pictures to a trained model and its history."""
