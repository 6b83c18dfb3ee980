"""What a network looks at in an image: heat maps with their check, filters, feature maps."""
