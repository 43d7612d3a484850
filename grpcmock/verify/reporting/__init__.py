"""How is the outcome of a verification written?"""
