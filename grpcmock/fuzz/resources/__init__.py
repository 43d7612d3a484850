"""What does a server keep, as far as the protos tell of it, and what must be true of that?"""
