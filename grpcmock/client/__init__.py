"""How is any method called with raw bytes?"""
