"""How do threads and event loops work together?"""
