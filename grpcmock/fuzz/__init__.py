"""Is the real server true to the contract, whatever is sent to it?"""
