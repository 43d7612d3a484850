"""Which calls verify a stub, and in which order?"""
