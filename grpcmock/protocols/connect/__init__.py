"""Connect: calls that a browser's fetch, or curl, can make.

The rules are those of connectrpc.com/docs/protocol.
"""
