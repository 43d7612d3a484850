"""How does a call pass through, and what is kept of it?"""
