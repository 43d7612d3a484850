# mypy: disable-error-code="attr-defined"
"""The journal keeps the last calls, within its bounds, and nothing from before it was cleared."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from grpcmock.engine.call_record import FRAME_BYTES_KEPT, FRAMES_KEPT, CallRecord
from grpcmock.engine.given_answers import CompactCall
from grpcmock.engine.journal import Journal, Note


def call(journal: Journal, *messages: bytes) -> CallRecord:
    opened = journal.open("/a.B/C", None, (), None, "peer", 0.0)
    for message in messages:
        opened.add_frame("request", message, 0.0)
    journal.close(opened)
    return opened


@given(st.lists(st.integers(0, 3_000), max_size=60), st.integers(0, 20), st.integers(0, 20_000))
def test_it_keeps_the_last_calls_within_both_bounds(sizes: list[int], calls: int, size: int) -> None:
    journal = Journal(calls, size)
    made = [call(journal, bytes(size)) for size in sizes]
    kept = list(journal)
    assert kept == made[len(made) - len(kept) :]
    assert len(kept) <= calls
    assert journal.size == sum(call.size for call in kept) <= size
    assert journal.dropped == len(made) - len(kept)


def test_a_stream_without_end_is_counted_not_kept():
    journal = Journal()
    many = call(journal, *[b"x"] * (2 * FRAMES_KEPT + 7))
    assert (len(many.frames), many.frames_dropped) == (2 * FRAMES_KEPT, 7)
    large = call(journal, bytes(FRAME_BYTES_KEPT), b"x")
    assert (len(large.frames), large.frames_dropped) == (1, 1)


def test_a_call_that_began_before_the_journal_was_cleared_does_not_enter_it():
    journal = Journal()
    late = journal.open("/a.B/C", None, (), None, "", 0.0)
    journal.clear()
    journal.close(late)
    assert list(journal) == []
    assert call(journal) in journal


def test_ids_go_on_after_clearing():
    journal = Journal()
    first = call(journal)
    journal.clear()
    assert call(journal).id > first.id


def test_listeners_hear_each_call_until_they_end_their_subscription():
    journal = Journal()
    heard: list[CallRecord] = []
    end = journal.subscribe(heard.append)
    first = call(journal)
    end()
    call(journal)
    assert heard == [first]


def test_notes_are_bounded():
    journal = Journal()
    for number in range(150):
        journal.note(Note(0.0, "info", str(number)))
    assert [journal.notes[0].text, journal.notes[-1].text] == ["50", "149"]


def test_many_small_messages_count_for_what_they_take():
    journal = Journal(10_000, 1 << 20)
    opened = journal.open("/a.B/C", None, (), None, "peer", 0.0)
    for _ in range(1_000):
        opened.add_frame("response", b"\x08\x01", 0.0)
    taken = sum(sys.getsizeof(part) for frame in opened.frames for part in (frame, bytes(bytearray(frame.data)), 0.0))
    assert len(opened.frames) == 1_000
    assert taken / 2 < opened.size < taken * 2


def test_a_recorded_call_reads_as_one_that_was_opened_and_closed():
    """A call with a constant answer is kept in brief, and made whole when somebody looks."""
    from playbook import engine
    from support import registry

    mock = engine(registry("user.proto"), "[{method: user.UserService/GetUser, response: {id: 7}}]")
    opening = "/user.UserService/GetUser", (("k", "v"),), 2.0, "peer"
    for _ in range(3):
        assert mock.answer_at_once(*opening, b"\x08\x01") is not None
    before = mock.journal.size
    first = list(mock.journal)
    assert first == list(mock.journal), "who looks twice sees the same calls"
    assert [call.id for call in first] == [1, 2, 3]
    assert mock.journal.size == before == sum(call.size for call in first)
    heard: list[CallRecord] = []
    mock.journal.subscribe(heard.append)
    mock.answer_at_once(*opening, b"\x08\x02")
    assert heard == [list(mock.journal)[-1]]
    assert heard[0].requests[0].id == 2


def test_brief_calls_that_are_alike_share_what_they_have_in_common():
    """Each has its own number and time. Peers that differ are told apart, however many there are."""
    from playbook import engine
    from support import registry

    mock = engine(registry("user.proto"), "[{method: user.UserService/GetUser, response: {id: 7}}]")
    for number in range(3_000):
        metadata = (("x-key", f"{number // 1_500}"),)
        peer = f"peer {number // 2}"
        mock.answer_at_once("/user.UserService/GetUser", metadata, None, peer, bytes(bytearray(b"\x08\x01")))
    calls = list(mock.journal)
    assert [call.id for call in calls] == list(range(1, 3_001))
    assert [call.peer for call in calls] == [f"peer {number // 2}" for number in range(3_000)]
    assert [dict(call.metadata)["x-key"] for call in calls[1_499:1_501]] == ["0", "1"]
    assert len({id(call.metadata) for call in calls}) == 2
    assert len({id(call.frames[0].data) for call in calls}) == 1
    assert calls[0].peer is calls[1].peer


def test_who_is_patient_hears_of_brief_calls_as_they_are_kept():
    """With somebody who isn't, each call is made whole, for both."""
    from playbook import engine
    from support import registry

    mock = engine(registry("user.proto"), "[{method: user.UserService/GetUser, request: {id: 1}, response: {id: 7}}]")
    heard: list[CallRecord | CompactCall] = []
    leave = mock.journal.follow(heard.append, patient=True)
    mock.journal.subscribe(heard.append, patient=True)

    def ask(request: bytes) -> list[CallRecord | CompactCall]:
        heard.clear()
        mock.answer_at_once("/user.UserService/GetUser", (), None, "peer", request)
        return heard

    first = ask(b"\x08\x01")
    assert [type(call) for call in first] == [CompactCall] * 2
    assert mock.journal.read(first[0]).responses[0].id == 7
    end = mock.journal.subscribe(lambda _: None)
    assert [type(call) for call in ask(b"\x08\x01")] == [CallRecord] * 2
    end()
    mock.journal.subscribe(lambda _: None, of_misses=True)
    assert [type(call) for call in ask(b"\x08\x02")] == [CallRecord] * 2
    leave()
    assert [type(call) for call in ask(b"\x08\x01")] == [CompactCall]
    assert mock.journal.lost.count() == 0


def test_what_is_dropped_is_counted_by_what_it_was():
    """Whatever the calls next to each other have in common."""
    from playbook import engine
    from support import registry

    mock = engine(registry("user.proto"), "[{method: user.UserService/GetUser, request: {id: 1}, response: {id: 7}}]")
    mock.journal.max_calls = 0
    sessions = ["", "", "a", "a", "b", "", "a"]
    for session in sessions:
        metadata = (("x-grpcmock-session", session),) if session else ()
        for request in (b"\x08\x01", b"\x08\x02"):
            mock.answer_at_once("/user.UserService/GetUser", metadata, None, "peer", request)
    lost = mock.journal.lost
    assert {name: lost.count(session=name) for name in ("", "a", "b")} == {"": 6, "a": 6, "b": 2}
    assert lost.count(outcome="unmatched") == lost.count(outcome="answered") == 7
