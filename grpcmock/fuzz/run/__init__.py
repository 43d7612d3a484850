"""How does a run go: what comes when, what is confirmed, what is made small, and when does it end?"""
