"""How does a call become a stub?"""
