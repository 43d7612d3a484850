"""How is the outcome of a run told?"""
