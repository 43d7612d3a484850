"""What strangers wrote for other tools, imported and served: do the same calls get the same answers?"""
