"""What must be true of more than one resource, or of more than one state of it."""
