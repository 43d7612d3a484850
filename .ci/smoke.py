"""Use an installed ``grpcmock`` command as a newcomer would: its version, a server on a free port, one call."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main(grpcmock: str) -> None:
    print(run(grpcmock, "--version").strip())
    print(run(grpcmock, "check").strip())
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, "ready")
        server = subprocess.Popen([grpcmock, "serve", "--listen", "127.0.0.1:0", "--ready-file", str(ready)])
        try:
            end = time.monotonic() + 30
            while not ready.exists():
                if server.poll() is not None or time.monotonic() > end:
                    sys.exit(f"the server isn't ready (exit code {server.poll()})")
                time.sleep(0.05)
            address = ready.read_text().split()[0]
            answer = json.loads(run(grpcmock, "call", address, "user.UserService/GetUser", "-d", '{"id": 1}'))
            if answer.get("id") != 1:
                sys.exit(f"an unexpected answer: {answer}")
            print(f"{address} answered {answer}")
            server.send_signal(signal.SIGTERM)
            if code := server.wait(30):
                sys.exit(f"the server ended with {code} after SIGTERM")
        finally:
            server.kill()
            server.wait()
        if ready.exists():
            sys.exit("the ready file is still there after the server's end")


if __name__ == "__main__":
    main(sys.argv[1])
