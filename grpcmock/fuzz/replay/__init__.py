"""How is a failure kept, and made again?"""
