"""Run protoc in a process of its own: the program of that process, which needs nothing of this package.

``python -I -S protoc_child.py FOLDER`` imports ``grpc_tools`` from FOLDER, and reads protoc's arguments from standard
input, with zero bytes between them: a command line may not be as long as thousands of names are.
"""

import sys

if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    # Not grpc_tools.protoc, which takes longer to import than most protos take to compile.
    from grpc_tools._protoc_compiler import run_main

    sys.exit(run_main(sys.stdin.buffer.read().split(b"\0")))
