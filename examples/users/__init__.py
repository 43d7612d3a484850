"""A user service as one would run it: ``protos/user.proto``, answered from SQLite. Its contract is ``stubs/``."""
