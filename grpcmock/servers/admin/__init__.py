"""The admin service, which steers a running server."""
