"""HTTP/1.1: an ASGI application, and uvicorn around it."""
