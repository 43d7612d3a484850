"""What assistants of programmers get to use: the tools of ``grpcmock mcp``."""
