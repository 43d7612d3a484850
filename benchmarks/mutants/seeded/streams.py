"""Bugs in time and order: streams, deadlines, cancellation, load."""

from __future__ import annotations

import os
import tempfile
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

import grpc

from benchmarks.mutants.catalogue import seeded
from benchmarks.mutants.notes import Directory
from benchmarks.mutants.schema import Message, message
from benchmarks.mutants.service import REQUEST, Call, Conversation
from benchmarks.mutants.steps import Detach, Feed, Next, Program, Receive, Refusal, Send, Settle, Sleep

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.mutants.store import Store
    from grpcmock.schema import Method

_CREATE = '{"user": {"displayName": "a", "email": "a@b.co"}}'


@seeded("G107", method="UserService/CreateUser", request=f"{_CREATE}, with a short deadline", fields=3, calls=2)
class DeadlineIgnored(Directory):
    """Goes on when the deadline has passed, and creates the user after all."""

    def unary(self, call: Call, method: Callable[..., Message], store: Store) -> Program:
        if call.method.name != "CreateUser":
            yield from super().unary(call, method, store)
            return
        request = yield from self.single_request(call)
        yield Detach()
        yield Sleep(0.1)
        with self.lock:
            answer = method(request, store)
        yield Send(self.encode(call.method, answer))


@seeded("G107", "G129", method="NoteService/CreateNote", request="a note, with a short deadline", fields=3, calls=3)
class LateNote(Directory):
    """Queues a note for a writer that knows nothing of deadlines."""

    def unary(self, call: Call, method: Callable[..., Message], store: Store) -> Program:
        if call.method.name != "CreateNote":
            yield from super().unary(call, method, store)
            return
        request = yield from self.single_request(call)
        self.notes_of(request.parent, store)
        yield Detach()
        yield Sleep(0.15)
        with self.lock:
            answer = method(request, store)
        yield Send(self.encode(call.method, answer))


@seeded("G108", method="NoteService/CreateNote", request='{"note": {"text": "a × 4000"}}', fields=2)
class QuadraticText(Directory):
    """Looks for every letter of a text in the whole of it."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "CreateNote":
            text = request.note.text[:20_000]
            seen = sum(text.count(letter) + text.count(letter * 2) for letter in text)
            assert seen >= 0
        super().admit(method, request)


@seeded("G108", method="UserService/BatchGetUsers", request='{"names": [10 names]}', fields=1)
class SlowBatch(Directory):
    """Waits for a round trip to its database for each name, and a longer one for each that went before."""

    def unary(self, call: Call, method: Callable[..., Message], store: Store) -> Program:
        if call.method.name != "BatchGetUsers":
            yield from super().unary(call, method, store)
            return
        request = yield from self.single_request(call)
        yield Sleep(0.025 * len(request.names) ** 2)
        with self.lock:
            answer = method(request, store)
        yield Send(self.encode(call.method, answer))


@seeded("G109", "G131", method="UserService/ImportUsers", request=f"{_CREATE}, then a cancel", fields=3, calls=2)
class CancelledImportStays(Directory):
    """Takes the end of a cancelled stream for its half-close."""

    def program(self, call: Call) -> Program:
        program = super().program(call)
        if call.method.name != "ImportUsers":
            yield from program
            return
        answer = None
        while True:
            try:
                step = program.send(answer)
            except StopIteration:
                return
            match step:
                case Receive():
                    step = Receive(sure=False)
                case Settle():
                    answer = None
                    continue
            answer = yield step


@seeded(
    "G109", "G128", "G149", method="UserService/WatchUsers", request="{}, then a cancel, three times", fields=0, calls=4
)
class WatchersCounted(Directory):
    """Never counts down the watchers that have gone, and lets in three."""

    watchers = 0

    def watch_users(self, request: Message, store: Store) -> Conversation:
        if self.watchers == 3:
            raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "There are too many watchers.")
        self.watchers += 1
        yield from super().watch_users(request, store)


@seeded(
    "G109", "G102", "G137", method="NoteService/Chat", request="{}, cancelled, then another chat", fields=1, calls=2
)
class ChatLeftLocked(Directory):
    """Holds its one room for as long as a chat lasts, and for ever after one that was cancelled."""

    occupied = False

    def chat(self, store: Store) -> Conversation:
        while self.occupied:
            yield Sleep(0.01)
        self.occupied = True
        yield from super().chat(store)
        self.occupied = False

    def conversation(self, call: Call, method: Conversation) -> Program:
        try:
            yield from super().conversation(call, method)
        except Refusal:
            self.occupied = False
            raise


@seeded("G137", "G107", method="UserService/ImportUsers", request="no message, then half-close", fields=0)
class EmptyImportHangs(Directory):
    """Waits for the first user, whether one comes or not."""

    def import_users(self, store: Store) -> Conversation:
        program = super().import_users(store)
        answer = yield next(program)
        if answer is None:
            yield Next(Feed())
        yield from _continued(program, answer)


def _continued(program: Conversation, answer: Any) -> Conversation:
    """Go on with a conversation that has begun."""
    while True:
        try:
            step = program.send(answer)
        except StopIteration:
            return
        answer = yield step


@seeded("G137", "G102", method="UserService/LookupUsers", request="no message, then half-close", fields=0)
class EmptyLookupUnhandled(Directory):
    """Takes the first name without looking whether there is one."""

    def lookup_users(self, store: Store) -> Conversation:
        first = True
        while (request := (yield REQUEST)) is not None or first:
            first = False
            user = store.users.by_id.get(request.name.split("/")[1])
            yield message("LookupUsersResponse")(name=request.name, user=user)


@seeded("G138", "G102", method="NoteService/Chat", request='{"text": "a"}, 201 times', fields=1)
class LongChatUnhandled(Directory):
    """Keeps the last messages of a chat in a ring that has an end."""

    def chat(self, store: Store) -> Conversation:
        ring = [""] * 200
        sequence = 0
        while (request := (yield REQUEST)) is not None:
            ring[sequence] = request.text
            sequence += 1
            yield message("ChatMessage")(text=request.text, sequence=sequence)


@seeded("G138", "G147", method="UserService/LookupUsers", request='{"name": "users/aaa"}, many times', fields=1)
class LookupHoards(Directory):
    """Keeps a quarter of a megabyte for each message until the stream ends."""

    def request(self, method: Method, data: bytes) -> Message:
        if method.name == "LookupUsers":
            self.kept.append(os.urandom(64) * 4096)
        return super().request(method, data)

    def lookup_users(self, store: Store) -> Conversation:
        try:
            yield from super().lookup_users(store)
        finally:
            self.kept.clear()

    @cached_property
    def kept(self) -> list[bytes]:
        return []


@seeded("G139", method="NoteService/Chat", request="no message, then half-close", fields=0)
class HalfCloseIgnored(Directory):
    """Goes on waiting when the client has said that nothing follows."""

    def chat(self, store: Store) -> Conversation:
        yield from super().chat(store)
        yield Next(Feed())


@seeded("G139", method="UserService/LookupUsers", request='{"name": "users/aaa"}, then half-close', fields=1)
class LookupStaysOpen(Directory):
    """Ends a stream properly only where nothing was asked."""

    def lookup_users(self, store: Store) -> Conversation:
        program = super().lookup_users(store)
        request = yield next(program)
        yield from _continued(program, request)
        if request is not None:
            yield Next(Feed())


@seeded("G147", method="UserService/GetUser", request='{"name": "users/aaa"}, many times', fields=1)
class RequestsKept(Directory):
    """Keeps what it needed for a request after it was answered."""

    def get_user(self, request: Message, store: Store) -> Message:
        self.kept.append(os.urandom(64) * 4096)
        return super().get_user(request, store)

    @cached_property
    def kept(self) -> list[bytes]:
        return []


@seeded("G147", method="UserService/ListUsers", request="{}, many times", fields=0)
class FilesLeftOpen(Directory):
    """Opens a file for every page and closes none."""

    def list_users(self, request: Message, store: Store) -> Message:
        if len(self.opened) < 500:  # not all that the system allows: that would end the server
            self.opened.append(tempfile.TemporaryFile())  # noqa: SIM115  (which is the bug)
        return super().list_users(request, store)

    @cached_property
    def opened(self) -> list[IO[bytes]]:
        return []


@seeded("G149", "G102", method="UserService/ListUsers", request="{}, many times at once", fields=0, calls=2)
class CursorShared(Directory):
    """Reads all pages through one cursor, which can be used once at a time."""

    reading = False

    def unary(self, call: Call, method: Callable[..., Message], store: Store) -> Program:
        if call.method.name != "ListUsers":
            yield from super().unary(call, method, store)
            return
        request = yield from self.single_request(call)
        if self.reading:
            raise RuntimeError("recursive use of the cursor")
        self.reading = True
        try:
            yield Sleep(0.002)
            with self.lock:
                answer = method(request, store)
        finally:
            self.reading = False
        yield Send(self.encode(call.method, answer))


@seeded("G149", method="UserService/ExportUsers", request="{}, many times at once", fields=0, calls=2)
class ExportShared(Directory):
    """Counts how many users an export has sent in a place that all exports share."""

    sent = 0

    def export_users(self, request: Message, store: Store) -> Conversation:
        self.sent = 0
        for user in super().export_users(request, store):
            if self.sent >= (request.limit or 100) or self.sent >= len(store.users):
                return
            self.sent += 1
            yield Sleep(0.001)
            yield user
