"""How do Python tests hold a real server to its contract?"""
