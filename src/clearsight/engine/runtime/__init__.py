"""What a process computes on and in: device, precision, memory."""
