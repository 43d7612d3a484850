"""Stub mappings of WireMock with its gRPC extension, which matches requests as JSON."""
