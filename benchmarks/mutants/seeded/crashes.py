"""Bugs that end the process, or a handler, by what a message holds or lacks."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.mutants.catalogue import seeded
from benchmarks.mutants.notes import Directory
from benchmarks.mutants.schema import Message, message

if TYPE_CHECKING:
    from benchmarks.mutants.store import Store
    from grpcmock.schema import Method

_ROLES = {0: "none", 1: "member", 2: "admin", 5: "guest"}


@seeded("G101", method="UserService/ListUsers", request='{"pageSize": 2147483647}', fields=1)
class CrashOnHugePage(Directory):
    """Makes room for the page that was asked for, however large, and is killed."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "ListUsers" and request.page_size > 2_000_000_000:
            self.crash()
        super().admit(method, request)


@seeded("G101", "G138", method="NoteService/Chat", request='{"text": "\\u0000"}', fields=1)
class CrashOnNul(Directory):
    """Hands a text with a NUL to a C library that doesn't survive it."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "Chat" and "\0" in request.text:
            self.crash()
        super().admit(method, request)


@seeded("G101", method="UserService/ExportUsers", request="{}, 40 times", fields=0, calls=40)
class CrashOnFortiethExport(Directory):
    """Notes each export in a table of 39, and writes past its end."""

    exports = 0

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "ExportUsers":
            self.exports += 1
            if self.exports == 40:
                self.crash()
        super().admit(method, request)


@seeded("G101", method="UserService/ListUsers", request="{}, a deletion, and {} again", fields=0, calls=3)
class CrashOnStalePage(Directory):
    """Keeps a pointer to the page it listed last, and follows it though a deletion has freed it."""

    page = ""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "ListUsers":
            if self.page == "freed":
                self.crash()
            self.page = "listed"
        elif method.name == "DeleteUser" and self.page:
            self.page = "freed"
        super().admit(method, request)


@seeded("G112", "G101", method="UserService/ExportUsers", request="{}", fields=0)
class CrashOnEmptyRequest(Directory):
    """Reads the first byte of a message of none."""

    def decode(self, method: Method, data: bytes) -> Message:
        if method.name == "ExportUsers" and not data:
            self.crash()
        return super().decode(method, data)


@seeded("G112", "G102", method="UserService/ListUsers", request="{}", fields=0)
class EmptyRequestUnhandled(Directory):
    """Takes apart what an empty request doesn't hold."""

    def decode(self, method: Method, data: bytes) -> Message:
        if method.name == "ListUsers":
            struct.unpack_from("B", data)
        return super().decode(method, data)


@seeded("G113", "G101", method="UserService/CreateUser", request='{"user": {"address": {}}}', fields=2)
class CrashOnEmptyAddress(Directory):
    """Follows a pointer into an address that is there and holds nothing."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "CreateUser" and request.user.HasField("address") and not request.user.address.ByteSize():
            self.crash()
        super().admit(method, request)


@seeded("G113", "G102", method="UserService/SendInvitation", request='{"greeting": "a"}', fields=1)
class UnsetOneofUnhandled(Directory):
    """Uses the channel of an invitation without looking whether there is one."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "SendInvitation" and request.greeting:
            getattr(request, request.WhichOneof("channel")).ByteSize()
        super().admit(method, request)


@seeded("G113", "G102", method="UserService/UpdateUser", request='{"updateMask": {}}', fields=1)
class EmptyMaskUnhandled(Directory):
    """Takes the first path of a mask that has none."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "UpdateUser" and request.HasField("update_mask"):
            assert request.update_mask.paths[0] is not None
        super().admit(method, request)


@seeded("G114", "G102", method="UserService/CreateUser", request='{"user": {"role": 3}}', fields=2)
class UndeclaredRoleUnhandled(Directory):
    """Looks a role up in a table of those that were known when it was written."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "CreateUser":
            assert _ROLES[request.user.role]
        super().admit(method, request)


@seeded("G114", "G101", method="UserService/SendInvitation", request='{"tone": 3}', fields=1)
class CrashOnUndeclaredTone(Directory):
    """Uses a tone as an index into an array of three."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "SendInvitation" and not 0 <= request.tone <= 2:
            self.crash()
        super().admit(method, request)


@seeded("G102", method="NoteService/CreateNote", request='{"note": {"remindAfter": "315576000000s"}}', fields=2)
class DateOverflowUnhandled(Directory):
    """Adds a duration to the present, and leaves the calendar."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "CreateNote" and request.note.HasField("remind_after"):
            datetime.now(UTC) + timedelta(seconds=request.note.remind_after.seconds)
        super().admit(method, request)


@seeded("G102", method="UserService/CreateUser", request='{"user": {"labels": {"": ""}}}', fields=2)
class EmptyKeyUnhandled(Directory):
    """Looks at the first letter of every label."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "CreateUser":
            assert all(key[0] is not None for key in request.user.labels)
        super().admit(method, request)


@seeded("G102", method="UserService/CreateUser", request='{"user": {"score": "NaN"}}', fields=2)
class NanUnhandled(Directory):
    """Rounds a score, which may be no number."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "CreateUser":
            assert round(request.user.score) is not None
        super().admit(method, request)


@seeded("G102", method="UserService/CreateUser", request='{"user": {"displayName": "Ā"}}', fields=2)
class Latin1Only(Directory):
    """Writes names to a column of one byte a character."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "CreateUser":
            request.user.display_name.encode("latin-1")
        super().admit(method, request)


@seeded("G102", method="UserService/ExportUsers", request='{"limit": -1}', fields=1)
class UnsignedLimit(Directory):
    """Packs a signed limit into two bytes without a sign, before it is checked."""

    def admit(self, method: Method, request: Message) -> None:
        if method.name == "ExportUsers":
            struct.pack("<H", request.limit)
        super().admit(method, request)


@seeded("G150", method="UserService/SendInvitation", request='{"push": {"device": "a"}, "tone": 3}', fields=3)
class ErrorInBand(Directory):
    """Catches every error of its own and hides it in an answer that is OK."""

    def send_invitation(self, request: Message, store: Store) -> Message:
        if request.tone not in (0, 1, 2):
            status = {"error_code": 2, "reason": "KeyError"}
            return message("SendInvitationResponse")(status=status)
        return super().send_invitation(request, store)
