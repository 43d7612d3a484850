"""Does the real server answer as the stubs say?"""
