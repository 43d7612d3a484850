"""Which texts show that what a client sends is run, and in which fields can they stand?"""
