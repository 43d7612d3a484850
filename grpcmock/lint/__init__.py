"""Is a set of stubs sensible?"""
