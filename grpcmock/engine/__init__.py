"""What happens in a call? Without any I/O."""
