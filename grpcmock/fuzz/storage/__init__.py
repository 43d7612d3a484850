"""How is a case written down, and found again by a later run?"""
