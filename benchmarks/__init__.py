"""Speed and memory, side by side with the raw limit in one run. Each module is a command that prints a table."""
