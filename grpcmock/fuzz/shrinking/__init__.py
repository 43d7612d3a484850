"""How is a failure made sure of, led back to the calls that cause it, and made small?"""
