"""Cases on what a server keeps: calls that build on each other."""
