"""Bugs in what is kept: reads that miss writes, deletes that don't, pages that overlap, masks that are ignored."""

from __future__ import annotations

import base64
from functools import cached_property
from typing import TYPE_CHECKING

from google.protobuf import empty_pb2

from benchmarks.mutants import masks
from benchmarks.mutants.catalogue import seeded
from benchmarks.mutants.notes import Directory, note_id_of
from benchmarks.mutants.schema import Message, message
from benchmarks.mutants.service import REQUEST, Conversation
from benchmarks.mutants.steps import Refusal
from benchmarks.mutants.users import id_of, shown

if TYPE_CHECKING:
    from benchmarks.mutants.store import Store
    from grpcmock.schema import Method

_GET = '{"name": "users/aaa"}'


@seeded("G129", "G134", method="UserService/ListUsers", request="{}", fields=0, calls=2)
class StaleList(Directory):
    """Lists only users that have been changed since they were created."""

    def list_users(self, request: Message, store: Store) -> Message:
        answer = super().list_users(request, store)
        kept = [user for user in answer.users if user.update_time != user.create_time]
        del answer.users[:]
        answer.users.extend(kept)
        return answer


@seeded(
    "G129",
    "G135",
    method="UserService/UpdateUser",
    request='{"user": {"name": "users/aaa", "age": 1}}',
    fields=3,
    calls=3,
)
class UpdateNotStored(Directory):
    """Answers with the updated user and keeps the old one."""

    def update_user(self, request: Message, store: Store) -> Message:
        old = self.found_user(request.user.name, store)
        answer = super().update_user(request, store)
        store.users.put(id_of(old.name), old)
        return answer


@seeded(
    "G129",
    method="UserService/CreateUser",
    request='{"user": {"displayName": "a", "email": "a@b.co", "address": {"city": "a", "postalCode": "a"}}}',
    fields=6,
    calls=2,
)
class PostalCodeLost(Directory):
    """Has no column for postal codes."""

    def add_user(self, user_id: str, given: Message, store: Store) -> Message:
        user = super().add_user(user_id, given, store)
        kept = store.users.by_id[user_id] = message("User")()
        kept.CopyFrom(user)
        if kept.HasField("address"):
            kept.address.postal_code = ""
        return user


@seeded(
    "G129",
    method="NoteService/CreateNote",
    request='{"parent": "users/aaa", "note": {"title": " a"}}',
    fields=3,
    calls=3,
)
class TitleStripped(Directory):
    """Keeps a title without the blanks around it, and answers with them."""

    def create_note(self, request: Message, store: Store) -> Message:
        note = super().create_note(request, store)
        kept = message("Note")()
        kept.CopyFrom(note)
        kept.title = note.title.strip() or "-"
        store.notes[id_of(note.name)].put(note_id_of(note.name), kept)
        return note


@seeded("G130", method="UserService/GetUser", request=_GET, fields=1, calls=3)
class DeletedStillThere(Directory):
    """Deletes from the list and not from the cache."""

    def delete_user(self, request: Message, store: Store) -> Message:
        user = store.users.by_id.get(id_of(request.name))
        answer = super().delete_user(request, store)
        if user is not None:
            self.ghosts(store)[user.name] = shown(user)
        return answer

    def get_user(self, request: Message, store: Store) -> Message:
        if request.name in self.ghosts(store) and id_of(request.name) not in store.users.by_id:
            return self.ghosts(store)[request.name]
        return super().get_user(request, store)

    def ghosts(self, store: Store) -> dict[str, Message]:
        return self._cache.setdefault(store.owner, {})

    @cached_property
    def _cache(self) -> dict[str, dict[str, Message]]:
        return {}


@seeded("G130", method="NoteService/DeleteNote", request='{"name": "users/aaa/notes/aaa"}', fields=1, calls=4)
class NoteNotDeleted(Directory):
    """Says that a note was deleted, and leaves it where it is."""

    def delete_note(self, request: Message, store: Store) -> Message:
        self.found_note(request.name, store)
        return empty_pb2.Empty()


@seeded("G131", method="UserService/CreateUser", request='{"userId": "aaa", "user": {}}', fields=2, calls=2)
class FailedCreateStays(Directory):
    """Writes the row first and validates it then."""

    def admit(self, method: Method, request: Message) -> None:
        try:
            super().admit(method, request)
        except Refusal:
            store = self.store_of("everybody")
            if method.name == "CreateUser" and request.user_id and request.user_id not in store.users.by_id:
                self.add_user(request.user_id, request.user, store)
            raise


@seeded(
    "G131",
    "G109",
    method="UserService/ImportUsers",
    request='{"userId": "aaa", "user": {"displayName": "a", "email": "a@b.co"}}, {}',
    fields=4,
    calls=2,
)
class FailedImportStays(Directory):
    """Keeps the users that came before the one that was refused."""

    def import_users(self, store: Store) -> Conversation:
        count = 0
        while (request := (yield REQUEST)) is not None:
            self.create_user(message("CreateUserRequest")(user_id=request.user_id, user=request.user), store)
            count += 1
        yield message("ImportUsersResponse")(imported_count=count)


@seeded("G132", method="NoteService/GetNote", request='{"name": "users/aab/notes/aaa"}', fields=1, calls=3)
class AnyParent(Directory):
    """Finds a note by its own id alone."""

    def found_note(self, name: str, store: Store) -> Message:
        for notes in store.notes.values():
            if note := notes.by_id.get(note_id_of(name)):
                return note
        return super().found_note(name, store)


@seeded("G132", "G129", "G134", method="NoteService/ListNotes", request='{"parent": "users/aab"}', fields=1, calls=4)
class NotesOfAll(Directory):
    """Lists the notes of every user below each."""

    def list_notes(self, request: Message, store: Store) -> Message:
        answer = super().list_notes(request, store)
        del answer.notes[:]
        answer.notes.extend([note for notes in store.notes.values() for note in notes][:25])
        return answer


@seeded(
    "G133",
    method="UserService/CreateUser",
    request='{"userId": "aaa", "user": {"displayName": "a", "email": "a@b.co"}}',
    fields=4,
    calls=2,
)
class DuplicateOverwrites(Directory):
    """Puts a new user in the place of the old one with its id."""

    def create_user(self, request: Message, store: Store) -> Message:
        if request.user_id in store.users.by_id and not request.request_id:
            store.forget_user(request.user_id)
        return super().create_user(request, store)


@seeded("G134", method="UserService/ListUsers", request='{"pageToken": "a"}', fields=1)
class GarbageTokenAccepted(Directory):
    """Begins anew where it can't read a page token."""

    def list_users(self, request: Message, store: Store) -> Message:
        try:
            return super().list_users(request, store)
        except Refusal:
            request.page_token = ""
            return super().list_users(request, store)


@seeded("G134", "G102", method="UserService/ListUsers", request='{"pageToken": "a"}', fields=1)
class GarbageTokenUnhandled(Directory):
    """Decodes page tokens as if they were always its own."""

    def list_users(self, request: Message, store: Store) -> Message:
        assert base64.b64decode(request.page_token, b"-_", validate=True)[8:].decode() is not None
        return super().list_users(request, store)


@seeded("G134", method="UserService/ListUsers", request="{}", fields=0, calls=2)
class TokenOnLastPage(Directory):
    """Gives a token for a page that holds nothing any more."""

    def list_users(self, request: Message, store: Store) -> Message:
        answer = super().list_users(request, store)
        if not answer.next_page_token:
            answer.next_page_token = request.page_token or base64.urlsafe_b64encode(b"end").decode()
        return answer


@seeded("G134", method="UserService/ListUsers", request='{"pageSize": 1}', fields=1, calls=4)
class PagesOverlap(Directory):
    """Begins each page with the last user of the one before."""

    def list_users(self, request: Message, store: Store) -> Message:
        answer = super().list_users(request, store)
        if request.page_token and answer.users:
            position = store.users.ids.index(id_of(answer.users[0].name))
            answer.users.insert(0, shown(store.users.by_id[store.users.ids[position - 1]]))
        return answer


@seeded("G134", "G125", "G127", method="UserService/ListUsers", request='{"pageSize": -1}', fields=1)
class NegativePageSize(Directory):
    """Takes a negative page for the default."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "ListUsers" and request.page_size < 0:
            request.page_size = 0
        super().admit(method, request)


@seeded(
    "G135",
    method="UserService/UpdateUser",
    request='{"user": {"name": "users/aaa", "age": 1}, "updateMask": "score"}',
    fields=4,
    calls=2,
)
class MaskIgnored(Directory):
    """Changes whatever is set, named by the mask or not."""

    def update_user(self, request: Message, store: Store) -> Message:
        masks.check(request.user, request.update_mask.paths)
        request.ClearField("update_mask")
        return super().update_user(request, store)


@seeded(
    "G135",
    method="UserService/UpdateUser",
    request='{"user": {"name": "users/aaa"}, "updateMask": "a"}',
    fields=3,
    calls=2,
)
class UnknownPathAccepted(Directory):
    """Passes over paths of a mask that name no field."""

    def update_user(self, request: Message, store: Store) -> Message:
        known = []
        for path in request.update_mask.paths:
            try:
                masks.check(request.user, [path])
            except Refusal:
                continue
            known.append(path)
        if request.update_mask.paths and not known:
            return self.get_user(request.user, store)
        request.update_mask.paths[:] = known
        return super().update_user(request, store)


@seeded(
    "G135",
    "G129",
    method="NoteService/UpdateNote",
    request='{"note": {"name": "users/aaa/notes/aaa", "title": "b"}, "updateMask": "title"}',
    fields=4,
    calls=3,
)
class MaskClearsRest(Directory):
    """Replaces the whole note whatever the mask says, and loses its text."""

    def update_note(self, request: Message, store: Store) -> Message:
        old = self.found_note(request.note.name, store)
        paths = list(request.update_mask.paths)
        answer = super().update_note(request, store)
        if paths and "*" not in paths and "text" not in paths and answer is not old:
            answer.text = ""
        return answer
