"""The transports side by side, and what else serves: ``python -m benchmarks.transport``."""
