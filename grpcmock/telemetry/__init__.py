"""What a mock server tells monitoring systems of its calls."""
