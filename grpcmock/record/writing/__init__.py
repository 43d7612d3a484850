"""How does a captured call become a stub in a file?"""
