"""The operations on torch tensors that programs are made of."""
