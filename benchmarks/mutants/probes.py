"""The reproducers by hand: for each mutant a conversation that shows its bug, and shows nothing on the clean servers.

``python -m benchmarks.mutants.probes`` tries them all, on both twins.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection_pb2

from benchmarks.mutants import validation
from benchmarks.mutants.caller import Caller, Request, calling, decoded, encoded
from benchmarks.mutants.catalogue import MUTANTS, Mutant
from benchmarks.mutants.server import mutant_server
from grpcmock.client.call import Outcome
from grpcmock.client.details import decode_details

Probe = Callable[[Caller], Awaitable[bool]]
"""Talks to a server, and tells whether the bug showed."""

Shows = Callable[[Outcome], bool]

_USER = '"displayName": "a", "email": "a@b.co"'
_AAA = "UserService/CreateUser", f'{{"userId": "aaa", "user": {{{_USER}}}}}'
_AAB = "UserService/CreateUser", f'{{"userId": "aab", "user": {{{_USER}}}}}'
_NOTE = "NoteService/CreateNote", '{"parent": "users/aaa", "noteId": "aaa", "note": {"title": " a", "text": "t"}}'
_GET = '{"name": "users/aaa"}'
_GET_NOTE = '{"name": "users/aaa/notes/aaa"}'


def ends(*codes: str) -> Shows:
    return lambda outcome: outcome.code.name in codes


def says(text: str) -> Shows:
    return lambda outcome: text in outcome.message or any(text in str(value) for _, value in outcome.trailers)


def once(method: str, *requests: Request, shows: Shows, after: tuple[tuple[str, str], ...] = (), **how: Any) -> Probe:
    """Set the scene by some calls, make one more, and look at how it ends."""

    async def probe(caller: Caller) -> bool:
        for scene_method, request in after:
            await caller.ok(scene_method, request)
        return shows(await caller.send(method, *requests, **how))

    return probe


def twice(method: str, request: Request, differ: Callable[[Any, Any], bool], after: tuple[Any, ...] = ()) -> Probe:
    """Make the same call twice and compare the answers."""

    async def probe(caller: Caller) -> bool:
        for scene_method, scene in after:
            await caller.ok(scene_method, scene)
        return differ(await caller.ok(method, request), await caller.ok(method, request))

    return probe


def then(
    first: tuple[str, Request], second: tuple[str, Request], shows: Callable[[Any, Any], bool], *after: Any
) -> Probe:
    """Make two calls that go well, and compare their answers."""

    async def probe(caller: Caller) -> bool:
        for scene_method, scene in after:
            await caller.ok(scene_method, scene)
        return shows(await caller.ok(*first), await caller.ok(*second))

    return probe


def breaks_rules(method: str) -> Shows:
    return lambda outcome: any(validation.violations(answer) for answer in decoded(method, outcome))


def undecodable(method: str) -> Shows:
    def shows(outcome: Outcome) -> bool:
        try:
            return any(answer.SerializeToString() and _unknown(answer) for answer in decoded(method, outcome))
        except DecodeError:
            return True

    return shows


def _unknown(answer: Any) -> bool:
    size = answer.ByteSize()
    answer.DiscardUnknownFields()
    return bool(answer.ByteSize() != size)


def _details_disagree(outcome: Outcome) -> bool:
    status = decode_details(outcome.trailers)
    return status is None or status.code != outcome.code or any(one.message is None for one in status.details)


def _names_no_field(outcome: Outcome) -> bool:
    status = decode_details(outcome.trailers)
    assert status is not None
    return any(
        one.field == "user_name" for detail in status.details for one in getattr(detail.message, "field_violations", ())
    )


def _sections(depth: int) -> bytes:
    """An outline of so many sections, each in the one before; the bytes of an UpdateNoteRequest, or the like."""
    data = b""
    for _ in range(depth):
        data = b"\x12" + _length(data) + data
    return data


def _length(data: bytes) -> bytes:
    size, out = len(data), b""
    while size > 0x7F:
        out, size = out + bytes([size & 0x7F | 0x80]), size >> 7
    return out + bytes([size])


def _nested(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _length(data) + data


def _outline(field: int, depth: int) -> bytes:
    return _nested(field, _nested(5, _sections(depth)))


async def _late(caller: Caller, method: str, request: str, listing: tuple[str, str]) -> bool:
    """Whether something appears after the deadline of the call that makes it."""
    await caller.send(method, request, deadline=0.05)
    before = await caller.ok(*listing)
    await asyncio.sleep(0.2)
    return bool((await caller.ok(*listing)).total_size > before.total_size)


async def deadline_ignored(caller: Caller) -> bool:
    return await _late(caller, *_AAA, ("UserService/ListUsers", "{}"))


async def late_note(caller: Caller) -> bool:
    await caller.ok(*_AAA)
    return await _late(caller, *_NOTE, ("NoteService/ListNotes", '{"parent": "users/aaa"}'))


async def quadratic_text(caller: Caller) -> bool:
    seconds = []
    for size in (2_500, 20_000):
        begun = time.perf_counter()
        await caller.send("NoteService/CreateNote", f'{{"note": {{"text": "{"a" * size}"}}}}', deadline=10)
        seconds.append(time.perf_counter() - begun)
    return seconds[1] > 20 * seconds[0]


async def slow_batch(caller: Caller) -> bool:
    names = ", ".join(f'"users/aa{number}"' for number in range(10))
    outcome = await caller.send("UserService/BatchGetUsers", f'{{"names": [{names}]}}', deadline=0.5)
    return outcome.code.name == "DEADLINE_EXCEEDED"


async def cancelled_import_stays(caller: Caller) -> bool:
    await caller.send("UserService/ImportUsers", _AAA[1], cancel_after=0)
    await asyncio.sleep(0.05)
    return bool((await caller.ok("UserService/ListUsers", "{}")).total_size)


async def crash_on_fortieth_export(caller: Caller) -> bool:
    for _ in range(39):
        await caller.send("UserService/ExportUsers", "{}")
    return _DOWN(await caller.send("UserService/ExportUsers", "{}"))


async def crash_on_stale_page(caller: Caller) -> bool:
    await caller.ok(_LIST, "{}")
    await caller.send("UserService/DeleteUser", "{}")
    return _DOWN(await caller.send(_LIST, "{}"))


async def watchers_counted(caller: Caller) -> bool:
    for _ in range(3):
        await caller.send("UserService/WatchUsers", "{}", limit=1)
    return (await caller.send("UserService/WatchUsers", "{}", limit=1)).code.name == "RESOURCE_EXHAUSTED"


async def chat_left_locked(caller: Caller) -> bool:
    await caller.send("NoteService/Chat", '{"text": "a"}', cancel_after=1)
    return (await caller.send("NoteService/Chat", '{"text": "a"}', deadline=0.3)).code.name == "DEADLINE_EXCEEDED"


async def cursor_shared(caller: Caller) -> bool:
    outcomes = await asyncio.gather(*(caller.send("UserService/ListUsers", "{}") for _ in range(20)))
    return any(outcome.code.name != "OK" for outcome in outcomes)


async def export_shared(caller: Caller) -> bool:
    for number in range(10):
        await caller.ok("UserService/CreateUser", f'{{"userId": "aa{number}", "user": {{{_USER}}}}}')
    outcomes = await asyncio.gather(*(caller.send("UserService/ExportUsers", "{}") for _ in range(10)))
    return any(len(outcome.responses) != 10 for outcome in outcomes)


async def bomb_unpacked(caller: Caller) -> bool:
    bomb = b"\xc2\x3e" + _length(bytes(16 << 20)) + bytes(16 << 20)  # a field that is not known
    async with calling(caller.target, compression=grpc.Compression.Gzip) as compressing:
        outcome = await compressing.send("UserService/ListUsers", bomb, deadline=10)
        return outcome.code.name != "RESOURCE_EXHAUSTED"


async def crash_on_compressed_garbage(caller: Caller) -> bool:
    return not await caller.send_compressed_garbage("UserService/ListUsers")


async def reflections_differ(caller: Caller) -> bool:
    request = reflection_pb2.ServerReflectionRequest(file_containing_symbol="directory.v1.User").SerializeToString()
    answers = [
        await caller.send(f"grpc.reflection.{version}.ServerReflection/ServerReflectionInfo", request)
        for version in ("v1", "v1alpha")
    ]
    return answers[0].responses != answers[1].responses


async def pages_overlap(caller: Caller) -> bool:
    await caller.ok(*_AAA)
    await caller.ok(*_AAB)
    first = await caller.ok("UserService/ListUsers", '{"pageSize": 1}')
    second = await caller.ok("UserService/ListUsers", f'{{"pageSize": 1, "pageToken": "{first.next_page_token}"}}')
    return bool(first.users[0].name == second.users[0].name)


async def request_id_ignored(caller: Caller) -> bool:
    request = f'{{"user": {{{_USER}}}, "requestId": "00000000-0000-4000-8000-000000000000"}}'
    first = await caller.ok("UserService/CreateUser", request)
    return bool(first != await caller.ok("UserService/CreateUser", request))


async def failed_create_stays(caller: Caller) -> bool:
    await caller.send("UserService/CreateUser", '{"userId": "aaa", "user": {}}')
    return (await caller.send("UserService/GetUser", _GET)).code.name == "OK"


async def failed_import_stays(caller: Caller) -> bool:
    await caller.send("UserService/ImportUsers", _AAA[1], "{}")
    return (await caller.send("UserService/GetUser", _GET)).code.name == "OK"


async def note_not_deleted(caller: Caller) -> bool:
    await caller.ok(*_AAA)
    await caller.ok(*_NOTE)
    await caller.ok("NoteService/DeleteNote", _GET_NOTE)
    return (await caller.send("NoteService/GetNote", _GET_NOTE)).code.name == "OK"


async def deleted_still_there(caller: Caller) -> bool:
    await caller.ok(*_AAA)
    await caller.ok("UserService/DeleteUser", _GET)
    return (await caller.send("UserService/GetUser", _GET)).code.name == "OK"


async def notes_of_all(caller: Caller) -> bool:
    for scene in (_AAA, _AAB, _NOTE):
        await caller.ok(*scene)
    return bool((await caller.ok("NoteService/ListNotes", '{"parent": "users/aab"}')).notes)


def as_other(method: str, request: str, *after: tuple[str, str]) -> Probe:
    """Set the scene as one caller and make the call as another."""

    async def probe(caller: Caller) -> bool:
        for scene in after:
            await caller.ok(*scene)
        async with calling(caller.target, token="bob-token") as other:
            return (await other.send(method, request)).code.name == "OK"

    return probe


def without_token(method: str, **how: Any) -> Probe:
    async def probe(caller: Caller) -> bool:
        async with calling(caller.target) as nobody:
            return (await nobody.send(method, "{}", **how)).code.name != "UNAUTHENTICATED"

    return probe


async def _grows(caller: Caller, method: str, *requests: str) -> bool:
    """Whether the memory or the open files of this very process grow; for servers within it."""
    before = _resources()
    for _ in range(400):  # what was freed before is used up first
        await caller.send(method, *requests)
        after = _resources()
        if after[0] - before[0] > 8 << 20 or after[1] - before[1] > 30:
            return True
    return False


def _resources() -> tuple[int, int]:
    from pathlib import Path

    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096, len(list(Path("/proc/self/fd").iterdir()))


async def requests_kept(caller: Caller) -> bool:
    return await _grows(caller, "UserService/GetUser", _GET)


async def files_left_open(caller: Caller) -> bool:
    return await _grows(caller, "UserService/ListUsers", "{}")


async def lookup_hoards(caller: Caller) -> bool:
    before = _resources()[0]
    calling_on = asyncio.create_task(
        caller.send("UserService/LookupUsers", *[_GET] * 100, half_close=False, deadline=0.3)
    )
    most = before
    while not calling_on.done():
        await asyncio.sleep(0.02)
        most = max(most, _resources()[0])
    await calling_on
    return most - before > 12 << 20


_LIST, _SEND = "UserService/ListUsers", "UserService/SendInvitation"
_CREATE, _UPDATE = "UserService/CreateUser", "UserService/UpdateUser"
_GET_USER = "UserService/GetUser"
_DOWN, _UNKNOWN, _OK, _INVALID = ends("UNAVAILABLE"), ends("UNKNOWN"), ends("OK"), ends("INVALID_ARGUMENT")
_STUCK = ends("DEADLINE_EXCEEDED")
_PUSH = '{"push": {"device": "a"}}'


def _user(more: str) -> str:
    return f'{{"user": {{{_USER}, {more}}}}}'


PROBES: dict[str, Probe] = {
    "crash_on_huge_page": once(_LIST, '{"pageSize": 2147483647}', shows=_DOWN),
    "crash_on_nul": once("NoteService/Chat", '{"text": "\\u0000"}', shows=_DOWN),
    "crash_on_fortieth_export": crash_on_fortieth_export,
    "crash_on_stale_page": crash_on_stale_page,
    "crash_on_empty_request": once("UserService/ExportUsers", "{}", shows=_DOWN),
    "empty_request_unhandled": once(_LIST, "{}", shows=_UNKNOWN),
    "crash_on_empty_address": once(_CREATE, '{"user": {"address": {}}}', shows=_DOWN),
    "unset_oneof_unhandled": once(_SEND, '{"greeting": "a"}', shows=_UNKNOWN),
    "empty_mask_unhandled": once(_UPDATE, b"\x12\x00", shows=_UNKNOWN),
    "undeclared_role_unhandled": once(_CREATE, '{"user": {"role": 3}}', shows=_UNKNOWN),
    "crash_on_undeclared_tone": once(_SEND, '{"tone": 3}', shows=_DOWN),
    "date_overflow_unhandled": once(
        "NoteService/CreateNote", '{"note": {"remindAfter": "315576000000s"}}', shows=_UNKNOWN
    ),
    "empty_key_unhandled": once(_CREATE, '{"user": {"labels": {"": ""}}}', shows=_UNKNOWN),
    "nan_unhandled": once(_CREATE, '{"user": {"score": "NaN"}}', shows=_UNKNOWN),
    "latin1_only": once(_CREATE, '{"user": {"displayName": "Ā"}}', shows=_UNKNOWN),
    "unsigned_limit": once("UserService/ExportUsers", '{"limit": -1}', shows=_UNKNOWN),
    "error_in_band": once(
        _SEND,
        '{"push": {"device": "a"}, "tone": 3}',
        shows=lambda outcome: decoded(_SEND, outcome)[0].status.error_code == 2,
    ),
    "stack_trace_in_details": once(_GET_USER, _GET, shows=says("Traceback")),
    "sql_in_details": once("NoteService/GetNote", _GET_NOTE, shows=says("SELECT")),
    "path_in_trailers": once("UserService/DeleteUser", _GET, shows=says("/var/lib")),
    "undocumented_status": once(_GET_USER, _GET, shows=ends("DATA_LOSS")),
    "violation_of_no_field": once(_GET_USER, "{}", shows=_names_no_field),
    "details_disagree": once(_GET_USER, "{}", shows=_details_disagree),
    "details_garbled": once(_GET_USER, "{}", shows=_details_disagree),
    "unresolvable_detail": once(_CREATE, "{}", shows=_details_disagree),
    "message_with_error": once(_GET_USER, _GET, shows=lambda outcome: bool(outcome.responses)),
    "summary_with_error": once("UserService/ImportUsers", "{}", shows=lambda outcome: bool(outcome.responses)),
    "two_responses": once(_LIST, "{}", shows=lambda outcome: len(outcome.responses) == 2),
    "no_response": once(
        "UserService/DeleteUser",
        '{"name": "users/aaa", "allowMissing": true}',
        shows=lambda outcome: not outcome.responses,
    ),
    "second_request_ignored": once(_LIST, "{}", "{}", shows=_OK),
    "missing_request_is_empty": once(_LIST, shows=_OK),
    "method_not_registered": once("UserService/ExportUsers", "{}", shows=ends("UNIMPLEMENTED")),
    "unknown_method_answered": once("UserService/Nothing", b"", shows=_INVALID),
    "required_not_enforced": once(_CREATE, '{"user": {"displayName": "a"}}', shows=_OK),
    "any_email": once(_CREATE, '{"user": {"displayName": "a", "email": ""}}', shows=_OK),
    "any_plan": once(_CREATE, _user('"plan": 3'), shows=_OK),
    "any_channel": once(_SEND, "{}", shows=_OK),
    "postal_code_required": once(_CREATE, _user('"address": {"city": "a"}'), shows=_INVALID),
    "full_updates_only": once(_UPDATE, '{"user": {"name": "users/aaa"}}', shows=_INVALID, after=(_AAA,)),
    "oldest_refused": once(_CREATE, _user('"age": 150'), shows=_INVALID),
    "one_tag_too_many": once(_CREATE, _user('"tags": ["a", "b", "c", "d", "e", "f"]'), shows=_OK),
    "length_in_bytes": once(_CREATE, f'{{"user": {{"displayName": "{"é" * 31}", "email": "a@b.co"}}}}', shows=_INVALID),
    "score_as_float": once(_CREATE, _user('"score": 5.000000000000001'), shows=_OK),
    "reading_changes": twice(_GET_USER, _GET, lambda one, two: one != two, (_AAA,)),
    "request_id_ignored": request_id_ignored,
    "tags_pile_up": twice(
        _UPDATE, '{"user": {"name": "users/aaa", "tags": ["a"]}}', lambda one, two: one.tags != two.tags, (_AAA,)
    ),
    "stale_list": then(_AAA, (_LIST, "{}"), lambda _, listed: not listed.users),
    "update_not_stored": then(
        (_UPDATE, '{"user": {"name": "users/aaa", "age": 1}}'), (_GET_USER, _GET), lambda one, two: one != two, _AAA
    ),
    "postal_code_lost": then(
        (_CREATE, f'{{"userId": "aaa", "user": {{{_USER}, "address": {{"city": "a", "postalCode": "a"}}}}}}'),
        (_GET_USER, _GET),
        lambda one, two: one != two,
    ),
    "title_stripped": then(_NOTE, ("NoteService/GetNote", _GET_NOTE), lambda one, two: one != two, _AAA),
    "deleted_still_there": deleted_still_there,
    "note_not_deleted": note_not_deleted,
    "failed_create_stays": failed_create_stays,
    "failed_import_stays": failed_import_stays,
    "any_parent": once("NoteService/GetNote", '{"name": "users/aab/notes/aaa"}', shows=_OK, after=(_AAA, _AAB, _NOTE)),
    "notes_of_all": notes_of_all,
    "duplicate_overwrites": once(*_AAA, shows=_OK, after=(_AAA,)),
    "garbage_token_accepted": once(_LIST, '{"pageToken": "a"}', shows=_OK),
    "garbage_token_unhandled": once(_LIST, '{"pageToken": "a"}', shows=_UNKNOWN),
    "token_on_last_page": once(_LIST, "{}", shows=lambda outcome: decoded(_LIST, outcome)[0].next_page_token != ""),
    "pages_overlap": pages_overlap,
    "negative_page_size": once(_LIST, '{"pageSize": -1}', shows=_OK),
    "mask_ignored": then(
        (_UPDATE, '{"user": {"name": "users/aaa", "age": 1}, "updateMask": "score"}'),
        (_GET_USER, _GET),
        lambda _, user: user.age == 1,
        _AAA,
    ),
    "unknown_path_accepted": once(
        _UPDATE, '{"user": {"name": "users/aaa"}, "updateMask": "a"}', shows=_OK, after=(_AAA,)
    ),
    "mask_clears_rest": then(
        ("NoteService/UpdateNote", '{"note": {"name": "users/aaa/notes/aaa", "title": "b"}, "updateMask": "title"}'),
        ("NoteService/GetNote", _GET_NOTE),
        lambda _, note: note.text != "t",
        _AAA,
        _NOTE,
    ),
    "deadline_ignored": deadline_ignored,
    "late_note": late_note,
    "quadratic_text": quadratic_text,
    "slow_batch": slow_batch,
    "cancelled_import_stays": cancelled_import_stays,
    "watchers_counted": watchers_counted,
    "chat_left_locked": chat_left_locked,
    "empty_import_hangs": once("UserService/ImportUsers", shows=_STUCK, deadline=0.3),
    "empty_lookup_unhandled": once("UserService/LookupUsers", shows=_UNKNOWN),
    "long_chat_unhandled": once("NoteService/Chat", *['{"text": "a"}'] * 201, shows=_UNKNOWN),
    "lookup_hoards": lookup_hoards,
    "half_close_ignored": once("NoteService/Chat", shows=_STUCK, deadline=0.3),
    "lookup_stays_open": once("UserService/LookupUsers", _GET, shows=_STUCK, deadline=0.3),
    "requests_kept": requests_kept,
    "files_left_open": files_left_open,
    "cursor_shared": cursor_shared,
    "export_shared": export_shared,
    "malformed_is_empty": once(_LIST, b"\x08", shows=_OK),
    "malformed_unhandled": once(_GET_USER, b"\x0a", shows=_UNKNOWN),
    "crash_on_truncated": once("UserService/WatchUsers", b"\x0a\x05", shows=_DOWN),
    "unknown_fields_refused": once(_LIST, b"\xc0\x3e\x01", shows=_INVALID),
    "unpacked_refused": once(_SEND, b"\x2a\x00\x30\x01", shows=_INVALID),
    "first_value_wins": once(
        "NoteService/Chat",
        b"\x0a\x01a\x0a\x01b",
        shows=lambda outcome: decoded("NoteService/Chat", outcome)[0].text == "a",
    ),
    "crash_on_depth": once("NoteService/CreateNote", _outline(3, 61), shows=_DOWN),
    "recursion_unhandled": once("NoteService/UpdateNote", _outline(1, 101), shows=_UNKNOWN),
    "invalid_utf8_replaced": once(_CREATE, b"\x12\x0b\x12\x01\xff\x1a\x06a@b.co", shows=_OK),
    "invalid_utf8_echoed": once("NoteService/Chat", b"\x0a\x01\xff", shows=lambda outcome: bool(outcome.responses)),
    "no_size_limit": once(_LIST, b"\xc2\x3e" + _length(bytes(4 << 20)) + bytes(4 << 20), shows=_OK),
    "small_size_limit": once(
        "NoteService/CreateNote",
        encoded("NoteService/CreateNote", '{"note": {}}') + _nested(3, _nested(4, bytes(16_384))),
        shows=ends("RESOURCE_EXHAUSTED"),
    ),
    "bomb_unpacked": bomb_unpacked,
    "crash_on_compressed_garbage": crash_on_compressed_garbage,
    "binary_metadata_unhandled": once(_GET_USER, _GET, shows=_UNKNOWN, metadata=[("x-trace-bin", b"\xff")]),
    "crash_on_large_metadata": once(_LIST, "{}", shows=_DOWN, metadata=[("x-long", "a" * 5_000)]),
    "repeated_metadata_unhandled": once(_LIST, "{}", shows=_UNKNOWN, metadata=[("x-a", "1"), ("x-a", "2")]),
    "unknown_field_sent": once(_LIST, "{}", shows=undecodable(_LIST)),
    "invalid_utf8_sent": once(_SEND, _PUSH, shows=undecodable(_SEND)),
    "answer_truncated": once(_CREATE, _AAA[1], shows=undecodable(_CREATE)),
    "receipt_shouts": once(_SEND, _PUSH, shows=breaks_rules(_SEND)),
    "event_of_no_kind": once("UserService/WatchUsers", "{}", limit=1, shows=breaks_rules("UserService/WatchUsers")),
    "negative_total": once(_LIST, "{}", shows=breaks_rules(_LIST)),
    "password_returned": once(
        _CREATE, _user('"password": "aaaaaaaa"'), shows=lambda outcome: decoded(_CREATE, outcome)[0].password != ""
    ),
    "name_left_out": then(_AAA, (_LIST, "{}"), lambda _, listed: listed.users[0].name == ""),
    "name_without_parent": once(*_NOTE, shows=breaks_rules("NoteService/CreateNote"), after=(_AAA,)),
    "reflections_differ": reflections_differ,
    "receipt_left_out": once(
        _SEND, '{"sms": {"number": "+12345"}}', shows=lambda outcome: decoded(_SEND, outcome)[0].receipt == ""
    ),
    "export_for_all": without_token("UserService/ExportUsers"),
    "any_token": without_token("UserService/ExportUsers", metadata=[("authorization", "Bearer x")]),
    "anybodys_users": as_other(_GET_USER, _GET, _AAA),
    "anybodys_notes": as_other("NoteService/GetNote", _GET_NOTE, _AAA, _NOTE),
}
"""The probe of each mutant."""


async def shows(mutant: Mutant, name: str, *, sync: bool) -> bool:
    """Whether this mutant's bug shows on the server called *name*: the mutant's own, or the clean one."""
    token = "ada-token" if mutant.credentials else None
    async with (
        mutant_server(name, sync=sync, credentials=mutant.credentials) as target,
        calling(target, token=token) as caller,
    ):
        return await PROBES[mutant.name](caller)


async def _try_all(wanted: list[str]) -> int:
    wrong = 0
    for name in wanted or list(MUTANTS):
        mutant = MUTANTS[name]
        for twin in mutant.twins:
            for server, expected in ((name, True), ("clean", False)):
                begun = time.perf_counter()
                try:
                    seen: Any = await shows(mutant, server, sync=twin == "sync")
                except Exception as error:  # noqa: BLE001  (whatever went wrong, it is one of a hundred)
                    seen = repr(error)
                if seen is not expected:
                    wrong += 1
                    print(f"{name} on {twin}, {server}: {seen}")
                elif time.perf_counter() - begun > 1:
                    print(f"{name} on {twin}, {server}: took {time.perf_counter() - begun:.2f} s")
    return wrong


if __name__ == "__main__":
    sys.exit(min(asyncio.run(_try_all(sys.argv[1:])), 1))
