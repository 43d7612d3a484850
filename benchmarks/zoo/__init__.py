"""APIs that others wrote: every command is led past each of them."""
