"""The transport in native code: HTTP/2 in threads of Rust, and a table of known answers in front of the engine."""
