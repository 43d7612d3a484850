"""The server over HTTP/2 itself, for the faults that no gRPC library would send."""
