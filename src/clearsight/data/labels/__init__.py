"""Labels: encoding, class names, and corrections by hand."""
