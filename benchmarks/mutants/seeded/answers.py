"""Bugs in what is answered: bytes that don't decode, rules that aren't kept, fields that shouldn't be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.mutants.catalogue import seeded
from benchmarks.mutants.infrastructure import without_field
from benchmarks.mutants.notes import Directory

if TYPE_CHECKING:
    from benchmarks.mutants.schema import Message
    from benchmarks.mutants.store import Store
    from grpcmock.schema import Method

_PUSH = '{"push": {"device": "a"}}'
_CREATE = '{"user": {"displayName": "a", "email": "a@b.co"}}'


@seeded("G122", method="UserService/ListUsers", request="{}", fields=0)
class UnknownFieldSent(Directory):
    """Sends a field that its proto doesn't have yet."""

    def encode(self, method: Method, answer: Message) -> bytes:
        return super().encode(method, answer) + (b"\xc0\x3e\x01" if method.name == "ListUsers" else b"")


@seeded("G122", "G118", method="UserService/SendInvitation", request=_PUSH, fields=2)
class InvalidUtf8Sent(Directory):
    """Cuts the reason of a delivery in the middle of a character."""

    def encode(self, method: Method, answer: Message) -> bytes:
        data = super().encode(method, answer)
        return data + b"\x0a\x03\x12\x01\xc3" if method.name == "SendInvitation" else data


@seeded("G122", method="UserService/CreateUser", request=_CREATE, fields=3)
class AnswerTruncated(Directory):
    """Sends all of an answer but its last byte."""

    def encode(self, method: Method, answer: Message) -> bytes:
        data = super().encode(method, answer)
        return data[:-1] if method.name == "CreateUser" else data


@seeded("G123", method="UserService/SendInvitation", request=_PUSH, fields=2)
class ReceiptShouts(Directory):
    """Writes receipts in capitals, against their pattern."""

    def send_invitation(self, request: Message, store: Store) -> Message:
        answer = super().send_invitation(request, store)
        answer.receipt = answer.receipt.upper()
        return answer


@seeded("G123", method="UserService/WatchUsers", request="{}", fields=0)
class EventOfNoKind(Directory):
    """Sends the first event without its kind, against the rule."""

    def encode(self, method: Method, answer: Message) -> bytes:
        if method.name == "WatchUsers" and answer.kind == answer.KIND_SNAPSHOT:
            answer.ClearField("kind")
        return super().encode(method, answer)


@seeded("G123", method="UserService/ListUsers", request="{}", fields=0)
class NegativeTotal(Directory):
    """Says -1 where it doesn't know how many users there are, against the rule."""

    def list_users(self, request: Message, store: Store) -> Message:
        answer = super().list_users(request, store)
        if not answer.users or len(answer.users) == answer.total_size:
            answer.total_size = -1
        return answer


@seeded(
    "G124",
    method="UserService/CreateUser",
    request='{"user": {"displayName": "a", "email": "a@b.co", "password": "aaaaaaaa"}}',
    fields=4,
)
class PasswordReturned(Directory):
    """Answers with the user as it is kept, password and all."""

    def create_user(self, request: Message, store: Store) -> Message:
        answer = super().create_user(request, store)
        if request.user.password:
            answer.password = request.user.password
        return answer


@seeded(
    "G124",
    "G129",
    method="UserService/ListUsers",
    request="{}",
    fields=0,
    calls=2,
)
class NameLeftOut(Directory):
    """Lists users without their names."""

    def list_users(self, request: Message, store: Store) -> Message:
        answer = super().list_users(request, store)
        for user in answer.users:
            user.ClearField("name")
        return answer


@seeded(
    "G124",
    "G123",
    "G129",
    method="NoteService/CreateNote",
    request='{"parent": "users/aaa", "note": {"title": "a"}}',
    fields=3,
    calls=2,
)
class NameWithoutParent(Directory):
    """Names a new note as if it stood on its own."""

    def create_note(self, request: Message, store: Store) -> Message:
        note = super().create_note(request, store)
        answer = type(note)()
        answer.CopyFrom(note)
        answer.name = note.name.partition("/notes/")[2]
        return answer


@seeded("G145", method="*", request="reflection of v1alpha", fields=0, shown=lambda: without_field("User", "quota"))
class ReflectionsDiffer(Directory):
    """Shows in reflection v1alpha what the protos said a release ago."""


@seeded(
    "G152",
    method="UserService/SendInvitation",
    request='{"sms": {"number": "+12345"}}',
    fields=2,
    arguments=("--stubs", "benchmarks/mutants/stubs"),
)
class ReceiptLeftOut(Directory):
    """Sends no receipt for text messages, where the stubs have one."""

    def send_invitation(self, request: Message, store: Store) -> Message:
        answer = super().send_invitation(request, store)
        if request.HasField("sms"):
            answer.ClearField("receipt")
        return answer
