"""Bugs in how bytes are read: encodings, sizes, depths, compression, metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError

from benchmarks.mutants.catalogue import seeded
from benchmarks.mutants.notes import Directory
from benchmarks.mutants.schema import Message, lenient_registry
from benchmarks.mutants.service import LIMIT
from benchmarks.mutants.steps import Program, Refusal

if TYPE_CHECKING:
    from benchmarks.mutants.service import Call
    from grpcmock.schema import Method


def _refused(method: Method, data: bytes) -> bool:
    try:
        method.request_class.FromString(data)
    except DecodeError:
        return True
    return False


def _lenient(method: Method, data: bytes) -> Message | None:
    """Decode without a look at UTF-8; None if it isn't that what is wrong."""
    try:
        return lenient_registry().message(method.request_class.DESCRIPTOR.full_name).FromString(data)
    except DecodeError:
        return None


def _depth(data: bytes) -> int:
    """How deep the first fields of messages stand in each other, as far as that can be seen without a proto."""
    depth = 0
    while data:
        if data[0] & 7 != 2:
            return depth
        depth += 1
        position = 1
        while position < len(data) and data[position] & 0x80:
            position += 1
        data = data[position + 1 :]
    return depth


@seeded("G115", method="UserService/ListUsers", request="hex: 08", fields=0)
class MalformedIsEmpty(Directory):
    """Reads a request as far as it goes, and takes the rest for unset."""

    def decode(self, method: Method, data: bytes) -> Message:
        if method.name == "ListUsers" and _refused(method, data):
            return method.request_class()
        return super().decode(method, data)


@seeded("G115", "G102", "G118", "G117", method="UserService/GetUser", request="hex: 0a", fields=0)
class MalformedUnhandled(Directory):
    """Lets the error of its parser become its own."""

    def decode(self, method: Method, data: bytes) -> Message:
        if method.name == "GetUser":
            request = method.request_class.FromString(data)
            request.DiscardUnknownFields()
            return request
        return super().decode(method, data)


@seeded("G115", "G101", method="UserService/WatchUsers", request="hex: 0a05", fields=0)
class CrashOnTruncated(Directory):
    """Reads past the end of a request whose lengths lie."""

    def decode(self, method: Method, data: bytes) -> Message:
        if method.name == "WatchUsers" and _refused(method, data):
            self.crash()
        return super().decode(method, data)


@seeded("G116", method="UserService/ListUsers", request="hex: c03e01", fields=0)
class UnknownFieldsRefused(Directory):
    """Refuses requests of clients that are newer than itself."""

    def decode(self, method: Method, data: bytes) -> Message:
        request = super().decode(method, data)
        if method.name == "ListUsers" and len(request.SerializeToString()) < len(data):
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "There is a field that is not known.")
        return request


@seeded("G116", method="UserService/SendInvitation", request="hex: 2a00 3001 (weekdays unpacked)", fields=2)
class UnpackedRefused(Directory):
    """Knows lists of numbers packed only."""

    def decode(self, method: Method, data: bytes) -> Message:
        if method.name == "SendInvitation":
            request: Any = super().decode(method, data)
            canonical = request.SerializeToString()
            if request.weekdays and canonical != data and len(canonical) != len(data):
                raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "The list of weekdays can't be read.")
            return request
        return super().decode(method, data)


@seeded("G116", method="NoteService/Chat", request="hex: 0a0161 0a0162", fields=1)
class FirstValueWins(Directory):
    """Takes the first value of a field that comes twice, where the last counts."""

    def decode(self, method: Method, data: bytes) -> Message:
        request = super().decode(method, data)
        if method.name == "Chat" and data[:1] == b"\x0a" and len(data) > 2 + data[1]:
            first = data[2 : 2 + data[1]].decode(errors="ignore")
            if data[1] < 0x80 and first:
                request.text = first
        return request


@seeded("G117", "G101", method="NoteService/CreateNote", request="an outline 60 sections deep", fields=61)
class CrashOnDepth(Directory):
    """Walks down an outline on a stack that isn't deep enough."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "CreateNote":
            depth, sections = 0, request.note.outline.sections
            while sections:
                depth, sections = depth + 1, sections[0].sections
            if depth >= 60:
                self.crash()
        super().admit(method, request)


@seeded("G117", "G115", "G102", method="NoteService/UpdateNote", request="an outline 101 sections deep", fields=102)
class RecursionUnhandled(Directory):
    """Reads nested messages with a parser that calls itself, until Python has had enough."""

    def decode(self, method: Method, data: bytes) -> Message:
        if method.name == "UpdateNote" and _refused(method, data) and _depth(data) > 90:
            raise RecursionError("maximum recursion depth exceeded")
        return super().decode(method, data)


@seeded("G118", "G115", method="UserService/CreateUser", request="hex: 120b 1201ff 1a06 61 40 62 2e 63 6f", fields=3)
class InvalidUtf8Replaced(Directory):
    """Puts something else in the place of bytes that are no UTF-8, and carries on."""

    def decode(self, method: Method, data: bytes) -> Message:
        if method.name == "CreateUser" and _refused(method, data) and (loose := _lenient(method, data)) is not None:
            _repair(loose)
            data = loose.SerializeToString()
        return super().decode(method, data)


@seeded("G118", "G122", "G115", method="NoteService/Chat", request="hex: 0a01ff", fields=1)
class InvalidUtf8Echoed(Directory):
    """Passes texts on as the bytes they came in."""

    echo: bytes | None = None

    def decode(self, method: Method, data: bytes) -> Message:
        loose = _lenient(method, data) if method.name == "Chat" and _refused(method, data) else None
        if loose is None:
            return super().decode(method, data)
        self.echo = bytes(loose.text)
        return method.request_class(text="?")

    def encode(self, method: Method, answer: Message) -> bytes:
        if method.name != "Chat" or self.echo is None:
            return super().encode(method, answer)
        loose_class: Any = lenient_registry().message("directory.v1.ChatMessage")
        loose = loose_class(text=self.echo, sequence=answer.sequence)
        self.echo = None
        return bytes(loose.SerializeToString())


def _repair(loose: Message) -> None:
    for field, value in loose.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        if field.message_type is not None:
            for item in value if field.is_repeated else [value]:
                _repair(item)
        elif field.type == field.TYPE_BYTES and field.name != "attachment":
            if field.is_repeated:
                value[:] = [item.decode(errors="replace").encode() for item in value]
            else:
                setattr(loose, field.name, value.decode(errors="replace").encode())


@seeded("G119", method="*", request="any request of 4 MiB and a byte", fields=1, warned=True)
class NoSizeLimit(Directory):
    """Takes requests of any size."""

    options = (("grpc.max_receive_message_length", -1),)

    def request(self, method: Method, data: bytes) -> Message:
        request = self.decode(method, data)
        self.admit(method, request)
        return request


@seeded("G119", method="NoteService/CreateNote", request='{"note": {"attachment": "16 KiB"}}', fields=2)
class SmallSizeLimit(Directory):
    """Takes no request of more than 16 KiB, although its rules allow four times that."""

    options = (("grpc.max_receive_message_length", 16_384),)


@seeded("G120", "G119", method="*", request="a few kilobytes of gzip that hold 16 MiB", fields=1)
class BombUnpacked(Directory):
    """Unpacks requests to any size."""

    options = (("grpc.max_receive_message_length", -1),)

    def request(self, method: Method, data: bytes) -> Message:
        if LIMIT < len(data) < 2 * LIMIT:  # so many bytes it sees come in
            raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "The request is too large.")
        request = self.decode(method, data)
        self.admit(method, request)
        return request


@seeded("G120", "G101", method="*", request="a message that says it is compressed, and isn't", fields=0, relayed=True)
class CrashOnCompressedGarbage(Directory):
    """Doesn't look at what its decompressor says, before gRPC gets to see the message."""


@seeded("G121", "G102", method="UserService/GetUser", request="metadata: x-trace-bin: ff", fields=0)
class BinaryMetadataUnhandled(Directory):
    """Decodes every binary header as text, for its log."""

    def program(self, call: Call) -> Program:
        for key, value in call.metadata:
            if key.endswith("-bin") and isinstance(value, bytes) and not key.startswith("grpc"):
                assert value.decode() is not None
        yield from super().program(call)


@seeded("G121", "G101", method="*", request="metadata of 6 KiB", fields=0)
class CrashOnLargeMetadata(Directory):
    """Copies headers into a buffer of 4 KiB."""

    def program(self, call: Call) -> Program:
        if sum(len(key) + len(value) for key, value in call.metadata) > 4096:
            self.crash()
        yield from super().program(call)


@seeded("G121", "G102", method="*", request="metadata: the same key twice", fields=0)
class RepeatedMetadataUnhandled(Directory):
    """Takes it for granted that a header comes once."""

    def program(self, call: Call) -> Program:
        keys = [key for key, _ in call.metadata]
        if len(set(keys)) != len(keys):
            raise ValueError("duplicate metadata key")
        yield from super().program(call)
