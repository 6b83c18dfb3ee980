"""The device, the precision and the memory of a process's computations."""
