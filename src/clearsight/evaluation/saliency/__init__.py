"""What the network looks at: heat maps and their check, filters, feature maps, worked pixels."""
