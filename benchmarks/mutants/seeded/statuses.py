"""Bugs in how a call ends: its code, its words, its details, and how many messages came with it."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import grpc
from google.rpc import status_pb2

from benchmarks.mutants.catalogue import seeded
from benchmarks.mutants.notes import Directory
from benchmarks.mutants.schema import Message, message
from benchmarks.mutants.steps import DETAILS, Program, Receive, Refusal, Send, Violation, rewriting

if TYPE_CHECKING:
    from collections.abc import Generator

    from benchmarks.mutants.service import Call
    from benchmarks.mutants.store import Store
    from grpcmock.schema import Method

_GET = '{"name": "users/aaa"}'


@seeded("G103", method="UserService/GetUser", request=_GET, fields=1)
class StackTraceInDetails(Directory):
    """Puts its stack trace into the status of a user that is missing."""

    def get_user(self, request: Message, store: Store) -> Message:
        try:
            return super().get_user(request, store)
        except Refusal as refusal:
            raise Refusal(refusal.code, traceback.format_exc()) from None


@seeded("G103", method="NoteService/GetNote", request='{"name": "users/aaa/notes/aaa"}', fields=1)
class SqlInDetails(Directory):
    """Tells what it asked of its database."""

    def get_note(self, request: Message, store: Store) -> Message:
        try:
            return super().get_note(request, store)
        except Refusal as refusal:
            query = "SELECT id, title, text FROM notes WHERE user_id = $1 AND id = $2"
            raise Refusal(refusal.code, f"sql: no rows in result set: {query}") from None


@seeded("G103", method="UserService/DeleteUser", request=_GET, fields=1)
class PathInTrailers(Directory):
    """Tells in a trailer where on its disk it looked."""

    def delete_user(self, request: Message, store: Store) -> Message:
        try:
            return super().delete_user(request, store)
        except Refusal as refusal:
            where = "/var/lib/directory/shards/07/users.db: no such record (goroutine 114 [running])"
            raise Refusal(refusal.code, refusal.message, trailers=[("x-debug", where)]) from None


@seeded("G104", method="UserService/GetUser", request=_GET, fields=1)
class UndocumentedStatus(Directory):
    """Calls a user that is missing a loss of data."""

    def get_user(self, request: Message, store: Store) -> Message:
        try:
            return super().get_user(request, store)
        except Refusal as refusal:
            raise Refusal(grpc.StatusCode.DATA_LOSS, refusal.message) from None


@seeded("G105", method="UserService/GetUser", request="{}", fields=0)
class ViolationOfNoField(Directory):
    """Names a field in its details that the request doesn't have."""

    def violations(self, method: Method, request: Message) -> list[Violation]:
        found = super().violations(method, request)
        return [Violation("user_name", one.text, one.rule) for one in found] if method.name == "GetUser" else found


@seeded("G105", method="UserService/GetUser", request="{}", fields=0)
class DetailsDisagree(Directory):
    """Says INVALID_ARGUMENT in the status and INTERNAL in its details."""

    def admit(self, method: Method, request: Message) -> None:
        try:
            super().admit(method, request)
        except Refusal as refusal:
            status = status_pb2.Status(code=13, message="something else")
            trailers = [(DETAILS, status.SerializeToString())]
            raise Refusal(refusal.code, refusal.message, trailers=trailers) from None


@seeded("G105", method="UserService/GetUser", request="{}", fields=0)
class DetailsGarbled(Directory):
    """Sends details that hold no status."""

    def admit(self, method: Method, request: Message) -> None:
        try:
            super().admit(method, request)
        except Refusal as refusal:
            raise Refusal(refusal.code, refusal.message, trailers=[(DETAILS, b"\x0a\xff\xff{}")]) from None


@seeded("G106", "G140", "G110", method="UserService/GetUser", request=_GET, fields=1)
class MessageWithError(Directory):
    """Sends a user of some name, and then that there is none."""

    def program(self, call: Call) -> Program:
        try:
            yield from super().program(call)
        except Refusal as refusal:
            if call.method.name == "GetUser" and refusal.code is grpc.StatusCode.NOT_FOUND:
                yield Send(self.encode(call.method, message("User")(display_name="nobody")))
            raise


@seeded("G140", "G106", "G110", method="UserService/ImportUsers", request="{}", fields=0)
class SummaryWithError(Directory):
    """Sums up an import that has failed, and then fails."""

    def program(self, call: Call) -> Program:
        try:
            yield from super().program(call)
        except Refusal:
            if call.method.name == "ImportUsers":
                yield Send(self.encode(call.method, message("ImportUsersResponse")(imported_count=1)))
            raise


@seeded("G110", method="UserService/ListUsers", request="{}", fields=0)
class TwoResponses(Directory):
    """Answers twice, and all is OK."""

    def program(self, call: Call) -> Program:
        program = super().program(call)
        return rewriting(program, lambda data: (data, data)) if call.method.name == "ListUsers" else program


@seeded("G110", method="UserService/DeleteUser", request='{"name": "users/aaa", "allowMissing": true}', fields=2)
class NoResponse(Directory):
    """Takes an empty answer for no answer."""

    def program(self, call: Call) -> Program:
        program = super().program(call)
        return rewriting(program, lambda data: (data,) if data else ()) if call.method.name == "DeleteUser" else program


@seeded("G111", method="UserService/ListUsers", request="{} twice", fields=0)
class SecondRequestIgnored(Directory):
    """Reads one request and never looks for another."""

    def single_request(self, call: Call) -> Generator[Any, Any, Message]:
        if call.method.name != "ListUsers":
            return (yield from super().single_request(call))
        data = yield Receive()
        if data is None:
            raise Refusal(grpc.StatusCode.UNIMPLEMENTED, "There was no request.")
        return self.request(call.method, data)


@seeded("G111", method="UserService/ListUsers", request="no message at all", fields=0)
class MissingRequestIsEmpty(Directory):
    """Takes no request for an empty one."""

    def single_request(self, call: Call) -> Generator[Any, Any, Message]:
        if call.method.name != "ListUsers":
            return (yield from super().single_request(call))
        data = yield Receive()
        if data is not None and (yield Receive()) is not None:
            raise Refusal(grpc.StatusCode.UNIMPLEMENTED, "There were two requests.")
        return self.request(call.method, data or b"")


@seeded("G144", method="UserService/ExportUsers", request="{}", fields=0, warned=True)
class MethodNotRegistered(Directory):
    """Declares a method that was never registered."""

    def find(self, path: str) -> Method | None:
        return None if path.endswith("/ExportUsers") else super().find(path)


@seeded("G144", method="*", request="any message to a method that isn't declared", fields=0)
class UnknownMethodAnswered(Directory):
    """Hands every path that it doesn't know to a handler of its own, which says NOT_FOUND."""

    def find(self, path: str) -> Method | None:
        return super().find(path) or super().find("/directory.v1.UserService/GetUser")


@seeded("G105", method="UserService/CreateUser", request="{}", fields=0)
class UnresolvableDetail(Directory):
    """Packs a detail of a type that nobody has heard of."""

    def admit(self, method: Method, request: Message) -> None:
        try:
            super().admit(method, request)
        except Refusal as refusal:
            status = status_pb2.Status(code=refusal.code.value[0], message=refusal.message)
            status.details.add(type_url="type.googleapis.com/internal.Unpublished", value=b"\x08\x01")
            trailers = [(DETAILS, status.SerializeToString())]
            raise Refusal(refusal.code, refusal.message, trailers=trailers) from None
