"""Train a model on images and record what each epoch achieved."""
