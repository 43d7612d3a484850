"""What does a consumer ask of its provider?"""
