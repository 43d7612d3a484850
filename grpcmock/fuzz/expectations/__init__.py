"""What does the contract say beyond the protos, of methods, statuses, rules and how methods belong together?"""
