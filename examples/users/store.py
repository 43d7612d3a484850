"""The users, kept in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

MAX_ID = (1 << 31) - 1
"""Ids are an int32 in the proto."""

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 0 AND {MAX_ID}),
    name TEXT NOT NULL,
    email TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS reserved (id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS saved (number INTEGER PRIMARY KEY, contents TEXT NOT NULL);
"""


class FullError(Exception):
    """There are no ids left for new users."""


@dataclass(frozen=True, slots=True)
class User:
    """One user, as it is stored."""

    id: int
    name: str
    email: str = ""


class Store:
    """The users in one database: a file, which other processes may open at the same time, or ``:memory:``.

    It is made and used in one thread. Raises :class:`sqlite3.Error` if the database can't be had.
    """

    def __init__(self, path: str | Path = ":memory:") -> None:
        self._db = sqlite3.connect(path, timeout=5.0, isolation_level=None)
        try:
            # Readers don't wait for a writer then; and what is lost with the power is the last batch, never the file.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error:
            self._db.close()
            raise

    def close(self) -> None:
        self._db.close()

    # --- What the service asks ---

    def get(self, user: int) -> User | None:
        row = self._db.execute("SELECT id, name, email FROM users WHERE id = ?", (user,)).fetchone()
        return User(*row) if row else None

    def page(self, number: int, size: int) -> list[User]:
        """Give the users on one page, by id. Pages count from 1."""
        found = self._db.execute(
            "SELECT id, name, email FROM users ORDER BY id LIMIT ? OFFSET ?", (size, (number - 1) * size)
        )
        return [User(*row) for row in found]

    def create(self, users: Iterable[tuple[str, str]]) -> list[int]:
        """Add users by name and email, all or none; give their ids. Raises :class:`FullError`."""
        with self._transaction() as db:
            return [self._add(db, name, email) for name, email in users]

    def _add(self, db: sqlite3.Connection, name: str, email: str) -> int:
        while True:
            try:
                added = db.execute("INSERT INTO users (name, email) VALUES (?, ?)", (name, email)).lastrowid
            except sqlite3.IntegrityError:
                raise FullError from None
            assert added is not None
            if not self.is_reserved(added):
                return added
            db.execute("DELETE FROM users WHERE id = ?", (added,))  # the sequence has moved on

    def is_reserved(self, user: int) -> bool:
        """Whether this id is kept back, and no user's."""
        return self._db.execute("SELECT 1 FROM reserved WHERE id = ?", (user,)).fetchone() is not None

    # --- What set-up asks ---

    def put(self, users: Iterable[User]) -> None:
        """Add users with their ids, or replace those that have these ids."""
        rows = [(user.id, user.name, user.email) for user in users]
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO users (id, name, email) VALUES (?, ?, ?)", rows)

    def remove(self, first: int = 0, last: int = MAX_ID) -> None:
        """Remove the users with these ids."""
        self._db.execute("DELETE FROM users WHERE id BETWEEN ? AND ?", (first, last))

    def reserve(self, user: int) -> None:
        """Keep an id back; the user who has it is removed."""
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO reserved (id) VALUES (?)", (user,))
            db.execute("DELETE FROM users WHERE id = ?", (user,))

    def start_at(self, user: int) -> None:
        """Let this be the next id given; users with this id or a higher one are removed."""
        with self._transaction() as db:
            db.execute("DELETE FROM users WHERE id >= ?", (user,))
            self._set_sequence(db, user - 1)

    def save(self) -> None:
        """Remember everything as it is now, until :meth:`restore`."""
        with self._transaction() as db:
            tables = {
                "users": db.execute("SELECT id, name, email FROM users").fetchall(),
                "reserved": db.execute("SELECT id FROM reserved").fetchall(),
                "sequence": db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'users'").fetchone(),
            }
            db.execute("INSERT INTO saved (contents) VALUES (?)", (json.dumps(tables),))

    def restore(self) -> None:
        """Put everything back as it was at the last :meth:`save`, and forget that one. Raises :class:`LookupError`."""
        with self._transaction() as db:
            row = db.execute("SELECT number, contents FROM saved ORDER BY number DESC LIMIT 1").fetchone()
            if row is None:
                raise LookupError("There is nothing to undo.")
            tables = json.loads(row[1])
            db.execute("DELETE FROM saved WHERE number = ?", (row[0],))
            db.execute("DELETE FROM users")
            db.execute("DELETE FROM reserved")
            db.executemany("INSERT INTO users (id, name, email) VALUES (?, ?, ?)", tables["users"])
            db.executemany("INSERT INTO reserved (id) VALUES (?)", tables["reserved"])
            self._set_sequence(db, *(tables["sequence"] or [0]))

    # ---

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)

    @staticmethod
    def _set_sequence(db: sqlite3.Connection, last: int) -> None:
        db.execute("DELETE FROM sqlite_sequence WHERE name = 'users'")
        db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('users', ?)", (last,))


class _Transaction:
    """All that is done within, or nothing of it. It takes the write lock at once: so it can't fail half-way."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def read_csv(path: Path) -> Sequence[User]:
    """Read users from a CSV file with the columns id, name and email. Raises :class:`ValueError`."""
    import csv

    with closing(path.open(newline="")) as file:
        rows = csv.DictReader(file)
        try:
            return [User(int(row["id"]), row["name"], row["email"]) for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}:{rows.line_num}: expected the columns id (a number), name and email") from error
