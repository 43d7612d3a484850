"""What does the real server answer? Written down as stubs."""
