"""What is secret, what varies, and what stands in its place?"""
