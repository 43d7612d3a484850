"""What does a client send for a stub to answer?"""
