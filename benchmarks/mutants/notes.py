"""The note service, done right."""

from __future__ import annotations

from typing import Any

from google.protobuf import empty_pb2

from benchmarks.mutants import masks, paging, validation
from benchmarks.mutants.schema import Message, message
from benchmarks.mutants.service import REQUEST, Conversation
from benchmarks.mutants.steps import existing, invalid, missing
from benchmarks.mutants.store import Shelf, Store
from benchmarks.mutants.users import Users, id_of

NOTE = "directory.example.com/Note"
_FIXED = ("name", "create_time", "update_time")

Note: Any = message("Note")


def note_id_of(name: str) -> str:
    return name.split("/")[3]


class Directory(Users):
    """Both services: the users, and the notes below each."""

    def notes_of(self, user: str, store: Store) -> Shelf:
        """Give the notes of the user with this name. Refuses if there is no such user."""
        self.found_user(user, store)
        return store.notes.setdefault(id_of(user), Shelf())

    def create_note(self, request: Message, store: Store) -> Message:
        notes = self.notes_of(request.parent, store)
        note_id = request.note_id or notes.new_id("n")
        if note_id in notes.by_id:
            raise existing(NOTE, f"{request.parent}/notes/{note_id}")
        note = Note()
        note.CopyFrom(request.note)
        note.name = f"{request.parent}/notes/{note_id}"
        note.create_time.GetCurrentTime()
        note.update_time.CopyFrom(note.create_time)
        notes.put(note_id, note)
        return note

    def get_note(self, request: Message, store: Store) -> Message:
        return self.found_note(request.name, store)

    def found_note(self, name: str, store: Store) -> Message:
        note = store.notes.get(id_of(name), Shelf()).by_id.get(note_id_of(name))
        if note is None:
            raise missing(NOTE, name)
        return note

    def list_notes(self, request: Message, store: Store) -> Message:
        notes = self.notes_of(request.parent, store)
        scope = f"{store.owner}/{request.parent}/notes"
        size = paging.size_of(request.page_size)
        found = notes.after(paging.start_of(request.page_token, scope), size + 1)
        token = paging.token_after(note_id_of(found[size - 1].name), scope) if len(found) > size else ""
        return message("ListNotesResponse")(notes=found[:size], next_page_token=token, total_size=len(notes))

    def update_note(self, request: Message, store: Store) -> Message:
        old = self.found_note(request.note.name, store)
        note = masks.merged(old, request.note, request.update_mask.paths, _FIXED)
        if wrong := validation.unset(note, "note."):
            raise invalid(*wrong)
        if note == old:
            return old
        note.update_time.GetCurrentTime()
        store.notes[id_of(note.name)].put(note_id_of(note.name), note)
        return note

    def delete_note(self, request: Message, store: Store) -> Message:
        self.found_note(request.name, store)
        store.notes[id_of(request.name)].remove(note_id_of(request.name))
        return empty_pb2.Empty()

    def chat(self, _: Store) -> Conversation:
        sequence = 0
        while (request := (yield REQUEST)) is not None:
            sequence += 1
            yield message("ChatMessage")(text=request.text, sequence=sequence)
