"""What must hold of every server, each with a code."""
