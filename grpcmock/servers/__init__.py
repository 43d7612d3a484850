"""How does it reach the wire?"""
