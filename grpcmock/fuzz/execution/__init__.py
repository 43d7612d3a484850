"""How are cases made on a real server, and how does it fare?"""
