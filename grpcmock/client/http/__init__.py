"""Methods called over HTTP/1.1: by gRPC-Web, Connect, and JSON as ``google.api.http`` has it."""
