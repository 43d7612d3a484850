"""What do a run's cases, their results and its failures look like, as data?"""
