"""Provider states: puts the words of ``given:`` into effect in the database of a running user service, and undoes it.

The service and this share nothing but the database file, which the environment variable ``USERS_DB`` names. Several
states can stand in one text, with ``and``, commas or semicolons between them; they take effect in that order. Try
``python -m examples.users.states "user 81 is Sam"`` and ``python -m examples.users.states --undo``.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from examples.users.store import MAX_ID, Store, User

DATABASE = "USERS_DB"
"""The environment variable that names the database file of the service."""

_MOST = 10_000
"""Users that one state can name."""

_State = Callable[[Store], None]


@contextmanager
def setup(words: str) -> Iterator[None]:
    """Let *words* be so while the block runs; then everything is as it was before.

    Raises :class:`LookupError` if the words aren't understood (nothing is changed then), or if no database is named.
    """
    set_up(words)
    try:
        yield
    finally:
        undo()


def set_up(words: str) -> None:
    """Let *words* be so until :func:`undo`. Raises as :func:`setup` does."""
    states = parse(words)
    with closing(_store()) as store:
        store.save()
        for state in states:
            state(store)


def undo() -> None:
    """Undo the last :func:`set_up`. Raises :class:`LookupError` if there is none."""
    with closing(_store()) as store:
        store.restore()


def parse(words: str) -> list[_State]:
    """Give what *words* ask for. Raises :class:`LookupError`, which tells the forms that are known."""
    return [_parse(part) for part in re.split(r"\s*(?:[;,]\s*(?:and\b)?|\band\b)\s*", words.strip().rstrip("."))]


def _parse(words: str) -> _State:
    for pattern, make in _FORMS.values():
        if found := re.fullmatch(pattern, words, re.IGNORECASE):
            return make(**found.groupdict())
    known = "; ".join(_FORMS)
    raise LookupError(f"The user service knows no state {words!r}. It knows: {known}.")


def _there_are(first: str, last: str | None = None, name: str | None = None, email: str | None = None) -> _State:
    address = email or (f"{name.lower().replace(' ', '.')}@example.com" if name else None)
    users = [
        User(id=number, name=name or f"User {number}", email=address or f"user{number}@example.com")
        for number in _ids(first, last)
    ]
    return lambda store: store.put(users)


def _there_is_no(first: str, last: str | None = None) -> _State:
    ids = _ids(first, last)
    return lambda store: store.remove(ids[0], ids[-1])


def _nobody(store: Store) -> None:
    store.remove()
    store.start_at(1)


def _next_id(number: str) -> _State:
    [first] = _ids(number)
    return lambda store: store.start_at(first)


def _reserved(number: str) -> _State:
    [kept] = _ids(number)
    return lambda store: store.reserve(kept)


def _ids(first: str, last: str | None = None) -> range:
    ids = range(int(first), int(last or first) + 1)
    if not ids or ids[-1] > MAX_ID or len(ids) > _MOST:
        raise LookupError(
            f"There are no ids {first} to {last or first}: up to {_MOST} of them, and none over {MAX_ID}."
        )
    return ids


_ONE_OR_MORE = r"users? (?P<first>\d+)(?: (?:to|through) (?P<last>\d+))?"

_FORMS: dict[str, tuple[str, Callable[..., _State]]] = {
    "user 81 is Sam": (rf"{_ONE_OR_MORE} (?:is|are) (?P<name>[^<>]+?)", _there_are),
    "user 81 is Sam <sam@example.com>": (rf"{_ONE_OR_MORE} (?:is|are) (?P<name>[^<>]+?) <(?P<email>\S+)>", _there_are),
    "users 10 to 19 exist": (rf"{_ONE_OR_MORE} exists?", _there_are),
    "there is no user 64": (rf"there (?:is|are) no {_ONE_OR_MORE}", _there_is_no),
    "there are no users": (r"there are no users", lambda: _nobody),
    "the next id is 4001": (r"the next id is (?P<number>\d+)", _next_id),
    "id 402 is reserved": (r"id (?P<number>\d+) is reserved", _reserved),
}
"""What is understood, by an example of it."""


def _store() -> Store:
    path = os.environ.get(DATABASE, "")
    if not path:
        raise LookupError(f"Set {DATABASE} to the database file that the user service was started with (--db).")
    if not Path(path).is_file():
        raise LookupError(f"{DATABASE}: there is no database {path}. Start the user service first, with --db {path}.")
    return Store(path)


def main(arguments: list[str]) -> int:
    """Set up the words given, or undo the last ones with ``--undo``. Gives the exit code.

    It may also be told as ``grpcmock verify --setup`` tells a command: ``setup WORDS``, then ``teardown WORDS``; 3 says
    that the words aren't known, 1 that something else went wrong.
    """
    if not arguments:
        print('Give the words of a state, such as "user 81 is Sam", or --undo.', file=sys.stderr)
        return 2
    action, *words = arguments if arguments[0] in ("setup", "teardown", "--undo") else ("setup", *arguments)
    try:
        set_up(" ".join(words)) if action == "setup" else undo()
    except (LookupError, sqlite3.Error) as error:
        print(f"error: {error.args[0]}", file=sys.stderr)
        return 3 if isinstance(error, LookupError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
