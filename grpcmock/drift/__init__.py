"""How do two versions of the protos differ, and whom does it break?"""
