"""``python -m grpcmock``: the same as the command ``grpcmock``."""

from __future__ import annotations

from grpcmock.cli import main

if __name__ == "__main__":
    main()
