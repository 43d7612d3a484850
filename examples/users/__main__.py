"""``python -m examples.users``: serve users until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path

from examples.users.server import GRACE, Server
from examples.users.service import MAX_PAGE
from examples.users.store import read_csv


def main(arguments: list[str] | None = None) -> int:
    """Serve, and give the exit code: 0 after a quiet end, 2 if the server can't be had."""
    given = _parser().parse_args(arguments)
    try:
        asyncio.run(_serve(given))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except sqlite3.Error as error:
        print(f"error: {given.db}: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.users", description="Serve user.UserService from SQLite.")
    parser.add_argument("--listen", default="127.0.0.1:50052", metavar="HOST:PORT", help="port 0 takes a free one")
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="hold the address there while serving")
    parser.add_argument("--db", default=":memory:", metavar="PATH", help="the database file (default: :memory:)")
    parser.add_argument("--load", type=Path, metavar="FILE", help="CSV with id, name and email: users to begin with")
    parser.add_argument(
        "--page-size", type=_page_size, default=10, metavar="N", help="users on a page where the client doesn't say"
    )
    parser.add_argument("--grace", type=float, default=GRACE, metavar="SECONDS", help="for calls under way at the end")
    return parser


def _page_size(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PAGE:
        raise argparse.ArgumentTypeError(f"a page holds 1 to {MAX_PAGE} users")
    return int(text)


async def _serve(given: argparse.Namespace) -> None:
    server = Server(given.db, page_size=given.page_size, users=tuple(read_csv(given.load)) if given.load else ())
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await server.start(given.listen)
    try:
        _tell(given.ready_file, server.address)
        await ended.wait()
    finally:
        if given.ready_file:
            given.ready_file.unlink(missing_ok=True)
        await server.stop(given.grace)


def _tell(ready_file: Path | None, address: str) -> None:
    """Say where the server listens. The file appears whole, and before the line: who reads the line may look for it."""
    if ready_file:
        draft = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
        draft.write_text(f"{address}\n")
        draft.replace(ready_file)
    print(f"Listening on {address}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
