"""How do Python tests hold a mock? Servers, methods, calls."""
