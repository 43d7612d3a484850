"""What must a real server answer, and does it?"""
