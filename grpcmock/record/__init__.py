"""What does a real server say? Calls passed on to it, and stubs of what passed."""
