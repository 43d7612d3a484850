"""Bugs in who may do what; they show where callers have to say who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.mutants.catalogue import seeded
from benchmarks.mutants.notes import Directory
from benchmarks.mutants.steps import Refusal

if TYPE_CHECKING:
    from benchmarks.mutants.schema import Message
    from benchmarks.mutants.service import Call
    from benchmarks.mutants.store import Store


@seeded("G142", method="UserService/ExportUsers", request="{}, without credentials", fields=0, credentials=True)
class ExportForAll(Directory):
    """Forgot one method when it learned to ask for credentials."""

    def authenticate(self, call: Call) -> str:
        return "ada" if call.method.name == "ExportUsers" else super().authenticate(call)


@seeded("G142", method="*", request="{}, with garbled credentials", fields=0, credentials=True)
class AnyToken(Directory):
    """Looks whether there is a token, and not which."""

    def authenticate(self, call: Call) -> str:
        try:
            return super().authenticate(call)
        except Refusal:
            if any(key == "authorization" and value for key, value in call.metadata):
                return "ada"
            raise


@seeded("G143", method="UserService/GetUser", request='{"name": "users/aaa"}', fields=1, calls=2, credentials=True)
class AnybodysUsers(Directory):
    """Finds the users of all callers."""

    def get_user(self, request: Message, store: Store) -> Message:
        for other in self.stores.values():
            try:
                return super().get_user(request, other)
            except Refusal:
                continue
        return super().get_user(request, store)


@seeded(
    "G143", method="NoteService/GetNote", request='{"name": "users/aaa/notes/aaa"}', fields=1, calls=3, credentials=True
)
class AnybodysNotes(Directory):
    """Finds the notes of all callers."""

    def found_note(self, name: str, store: Store) -> Message:
        for other in self.stores.values():
            try:
                return super().found_note(name, other)
            except Refusal:
                continue
        return super().found_note(name, store)
