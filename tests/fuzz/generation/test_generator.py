"""Generated messages: replays, laws of validity, and what comes up among them."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import pytest
import support
from fuzz_worlds import NAMES, RULED, UNSATISFIABLE, generators, registry
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcmock.fuzz.generation.choices import RandomSource, ReplaySource
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.generation.hypothesis_source import HypothesisSource


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializePartialToString(deterministic=True))


@pytest.mark.parametrize("name", NAMES)
def test_every_type_can_be_made_replayed_and_read_back(name: str) -> None:
    generator = generators().of(registry().message(name))
    for number in range(40):
        source = RandomSource("every", name, number)
        message = generator.generate(source)
        data = _bytes(message)
        replay = ReplaySource(source.choices)
        assert _bytes(generator.generate(replay)) == data
        assert replay.choices == source.choices
        again = generator.message_class()
        again.MergeFromString(data)
        assert _bytes(again) == data


@pytest.mark.parametrize("name", NAMES)
def test_valid_messages_break_no_rule(name: str) -> None:
    generator = generators().of(registry().message(name))
    assert generator.satisfiable is (name not in UNSATISFIABLE)
    if not generator.satisfiable:
        return
    assert not generator.broken(generator.least)
    for number in range(60):
        assert not generator.broken(generator.generate(RandomSource("valid", name, number)))


def test_protovalidate_itself_confirms_what_is_called_valid() -> None:
    import protovalidate

    validator = protovalidate.Validator()
    for name in RULED:
        generator = generators().of(registry().message(name))
        for number in range(30):
            message: Any = generator.generate(RandomSource("confirmed", name, number))
            assert list(validator.collect_violations(message)) == []


@settings(max_examples=60)
@given(st.data(), st.sampled_from(NAMES))
def test_hypothesis_and_a_replay_agree(data: st.DataObject, name: str) -> None:
    generator = generators().of(registry().message(name))
    source = HypothesisSource(data.draw)
    message = generator.generate(source)
    assert _bytes(generator.generate(ReplaySource(source.choices))) == _bytes(message)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 2**40), max_size=60), st.sampled_from(NAMES))
def test_any_choices_at_all_make_a_message(choices: list[int], name: str) -> None:
    source = ReplaySource(choices)
    message = generators().of(registry().message(name)).generate(source)
    again = ReplaySource(source.choices)
    assert _bytes(generators().of(registry().message(name)).generate(again)) == _bytes(message)


def test_no_choices_make_the_least() -> None:
    for name in ("user.UserResponse", "kitchen.Everything", "rules.Order", "rules.Tree"):
        assert _bytes(generators().of(registry().message(name)).generate(ReplaySource([]))) == b""


GOLDEN = {
    "user.UserResponse": "8f18a20d5ade0a6c",
    "kitchen.Everything": "76ef5e4573c54970",
    "legacy.Old": "999594a8d02bf88f",
    "editions.y2023.Modern": "72d13a82d96596ac",
    "rules.Order": "1d91dc41ce989e73",
    "rules.Strings": "c15ce3f9f50d452d",
    "rules.Numbers": "b961c705497920bc",
    "rules.Together": "c0c76ca37f98dc73",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_seed_gives_these_bytes_on_every_machine(name: str) -> None:
    generator = Generators(registry()).of(registry().message(name))
    digest = hashlib.sha256()
    for number in range(100):
        digest.update(generator.encode(RandomSource("golden", number)))
    assert digest.hexdigest()[:16] == GOLDEN[name]


def _many(name: str, count: int = 1500, **options: Any) -> list[Any]:
    generator = Generators(registry(), **options).of(registry().message(name))
    return [generator.generate(RandomSource("many", name, number)) for number in range(count)]


def test_scalars_reach_their_edges() -> None:
    made = _many("kitchen.Everything")
    assert {2**31 - 1, -(2**31), 0, 1, -1} <= {m.f_int32 for m in made} | {m.o_int32 for m in made}
    assert {2**64 - 1, 2**63} <= {n for m in made for n in (m.f_uint64, m.o_uint64, *m.r_uint64)}
    doubles = [n for m in made for n in (m.f_double, m.o_double, *m.r_double)]
    assert any(math.isnan(n) for n in doubles)
    assert {math.inf, -math.inf, 5e-324} <= set(doubles)
    assert any(n == 0 and math.copysign(1, n) < 0 for n in doubles)
    texts = {t for m in made for t in (m.f_string, m.o_string, *m.r_string)}
    assert {"", " ", "e\u0301", "../../etc/passwd", "%s%n"} <= texts
    assert any(ord(c) > 0xFFFF for t in texts for c in t)
    assert max(map(len, texts)) >= 10_000


def test_presence_has_three_states_where_it_is_tracked() -> None:
    made = _many("kitchen.Everything", 300)
    assert {(m.HasField("o_int32"), m.o_int32 != 0) for m in made} == {(False, False), (True, False), (True, True)}
    assert {m.HasField("f_message") for m in made} == {True, False}
    empty = [m for m in made if m.HasField("f_message") and not m.f_message.ByteSize()]
    assert empty


def test_open_enums_get_undeclared_numbers_and_closed_ones_do_not() -> None:
    numbers = {n for m in _many("kitchen.Everything", 600) for n in (m.f_enum, *m.r_enum)}
    assert {0, 1, 2, 5, -1} < numbers
    assert {n for m in _many("legacy.Old", 300) for n in m.levels} == {1, 2}


def test_each_arm_of_a_oneof_comes_up_and_none() -> None:
    arms = {m.WhichOneof("choice") for m in _many("kitchen.Everything", 300)}
    assert arms == {None, "c_string", "c_int32", "c_message", "c_enum", "c_null", "c_bytes"}


def test_groups_extensions_and_required_fields_of_proto2() -> None:
    made = _many("legacy.Old", 400)
    assert any(m.HasField("box") for m in made)
    assert any(m.item for m in made)
    assert any(m.WhichOneof("choice") == "pair" for m in made)
    extended = {field.full_name for m in made for field, _ in m.ListFields() if field.is_extension}
    assert extended == {"legacy.nickname", "legacy.scores", "legacy.extra", "legacy.extra_level", "legacy.Scope.scoped"}
    assert all(m.IsInitialized() for m in made)


def test_depth_is_bounded_and_fields_are_banned_in_swarms() -> None:
    def depth(tree: Any) -> int:
        below = [*tree.children, *tree.by_name.values()]
        below += [tree.parent] if tree.HasField("parent") else []
        below += [tree.branch] if tree.HasField("branch") else []
        return 1 + max(map(depth, below), default=0)

    depths = {depth(tree) for tree in _many("rules.Tree", 200, depth=3)}
    assert max(depths) == 4
    sets = {tuple(f.name for f, _ in m.ListFields()) for m in _many("kitchen.Nested", 300)}
    assert len(sets) > 20


def test_well_known_types_keep_their_own_rules() -> None:
    for message in _many("kitchen.Everything", 400):
        assert -62_135_596_800 <= message.w_timestamp.seconds <= 253_402_300_799
        assert 0 <= message.w_timestamp.nanos <= 999_999_999
        assert message.w_duration.seconds * message.w_duration.nanos >= 0
        assert abs(message.w_duration.seconds) <= 315_576_000_000
        assert set(message.w_field_mask.paths) <= _all_paths(message.DESCRIPTOR)
    urls = {m.w_any.type_url for m in _many("kitchen.Everything", 400)}
    assert {"", "type.googleapis.com/google.protobuf.StringValue", "type.googleapis.com/nobody.Knows"} <= urls
    assert any(url.endswith(("UserResponse", "Everything")) for url in urls)


def _all_paths(descriptor: Any) -> set[str]:
    paths = {field.name for field in descriptor.fields}
    for field in descriptor.fields:
        if field.message_type is not None:
            paths |= {f"{field.name}.{inner.name}" for inner in field.message_type.fields}
            paths |= {inner.name for inner in field.message_type.fields}
            paths |= {
                f"{inner.name}.{last.name}"
                for inner in field.message_type.fields
                if inner.message_type is not None
                for last in inner.message_type.fields
            }
    return paths


def test_any_message_at_all_where_validity_is_not_asked_for() -> None:
    broken = [m for m in _many("rules.Numbers", 50, valid=False) if generators().of(type(m)).broken(m)]
    assert len(broken) > 40


def test_requests_seldom_hold_what_only_a_server_may_set() -> None:
    held = [bool(m.uid) for m in _many("rules.Book", 400)]
    assert 0 < sum(held) < 60
    assert sum(bool(m.uid) for m in _many("rules.Book", 400, as_request=False)) > 100


def test_bytes_may_say_what_no_message_object_says() -> None:
    generator = Generators(registry()).of(registry().message("kitchen.Everything"))
    unusual = 0
    for number in range(300):
        source = RandomSource("odd", number)
        data = generator.encode(source)
        again = ReplaySource(source.choices)
        assert generator.encode(again) == data
        message: Any = generator.message_class()
        message.MergeFromString(data)
        unusual += _bytes(message) != data
    assert unusual


def test_a_type_without_fields_and_one_that_must_hold_itself() -> None:
    nothing = support.registry("kitchen_sink.proto").message("google.protobuf.Empty")
    assert generators().of(nothing).generate(RandomSource(1)) == nothing()
    onion = generators().of(registry().message("predefined.Onion"))
    assert not onion.satisfiable
    assert len(onion.generate(RandomSource(2)).SerializePartialToString()) < 10**6
