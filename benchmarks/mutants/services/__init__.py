"""Services of different habits, each right as it stands, with bugs that are patches of their source."""
