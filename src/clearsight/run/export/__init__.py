"""A run's network exported as a bundle, in float32 or in 8-bit integers."""
