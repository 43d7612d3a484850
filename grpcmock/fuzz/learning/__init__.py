"""What has a server taught so far: what it hands out, what it demands, and which requests it takes?"""
