"""The services of different habits: each does what it is for, and each bug is a patch that fits and can be seen."""

from __future__ import annotations

import ast
import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.mutants.services import hosting, loading
from benchmarks.mutants.services.definition import SERVICES, Definition, Runtime, service
from benchmarks.mutants.services.messages import registry
from benchmarks.mutants.services.patches import Bug, Level, PatchError, parsed
from benchmarks.mutants.services.smoke import differences, methods, resolved, steps
from benchmarks.mutants.services.sources import mutated
from grpcmock.fuzz.checks.registry import all_checks

IN_PYTHON = [one for one in SERVICES.values() if one.in_python]


@pytest.mark.parametrize("definition", IN_PYTHON, ids=lambda one: one.name)
async def test_a_service_answers_its_smoke_calls(definition: Definition) -> None:
    made = loading.module(definition)
    handlers = loading.served(made)
    protos = registry(definition.name)
    assert hosting.is_async(handlers) == (definition.runtime is Runtime.AIO)
    if definition.runtime is Runtime.AIO:
        async with hosting.running_aio(made, protos, handlers, "127.0.0.1:0") as port:
            assert await asyncio.to_thread(differences, definition, f"127.0.0.1:{port}") == []
    else:
        with hosting.running_sync(made, protos, handlers, "127.0.0.1:0") as port:
            assert await asyncio.to_thread(differences, definition, f"127.0.0.1:{port}") == []


@pytest.mark.parametrize("definition", SERVICES.values(), ids=lambda one: one.name)
def test_smoke_calls_reach_every_method_with_ok(definition: Definition) -> None:
    reached = {step.method.name for step in steps(definition) if step.code == "OK"}
    assert methods(definition).keys() - reached <= {"Follow"}  # which stays open until something is published


@pytest.mark.parametrize("definition", SERVICES.values(), ids=lambda one: one.name)
def test_the_bugs_of_a_service_are_patches_that_fit(definition: Definition) -> None:
    bugs = definition.blind()
    source = definition.source.read_text()
    assert len(bugs) >= 15
    assert {bug.level for bug in bugs.values()} == set(Level)
    assert {code for bug in bugs.values() for code in bug.codes} <= {one.code for one in all_checks()}
    for bug in bugs.values():
        changed = bug.applied(source)
        assert changed != source
        assert bug.about.endswith(".")
        if definition.in_python:
            ast.parse(changed)


def test_three_services_are_kept_out_and_three_runtimes_are_not_python_alone() -> None:
    assert len([one for one in SERVICES.values() if one.kept_out]) == 3
    assert {one.runtime for one in SERVICES.values()} == set(Runtime)


LINES = st.lists(st.integers(0, 10_000).map(lambda number: f"line {number}"), min_size=1, max_size=12, unique=True)


@settings(max_examples=30)
@given(LINES, st.data())
def test_a_patch_turned_over_undoes_itself(lines: list[str], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(lines) - 1))
    end = data.draw(st.integers(first + 1, len(lines)))
    put = [*data.draw(st.lists(st.sampled_from(["new", "", "  new"]), max_size=3)), "the only one"]
    head = "bug a\nlevel easy\ncodes G101\nabout It is wrong.\n@@\n"
    old, new = [f"-{line}" for line in lines[first:end]], [f"+{line}" for line in put]
    source = "\n".join(lines) + "\n"
    (forth,) = parsed(head + "\n".join(old + new) + "\n")
    changed = forth.applied(source)
    assert changed == "\n".join([*lines[:first], *put, *lines[end:]]) + "\n"
    back = Bug("b", Level.EASY, (), "", tuple((new, old) for old, new in forth.hunks))
    assert back.applied(changed) == source


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bug a\nlevel odd\ncodes G101\nabout x\n", "bug a: expected bug, level, codes, about"),
        ("bug a\nlevel easy\nabout x\n", "bug a: expected bug, level, codes, about"),
        ("bug a\nlevel easy\ncodes G101\nabout x\n@@\n?x\n", "begins with none of space"),
    ],
)
def test_a_patch_that_cannot_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(PatchError, match=message):
        parsed(text)


@pytest.mark.parametrize("source", ["a\na\n", "b\n"])
def test_a_patch_fits_in_one_place_alone(source: str) -> None:
    with pytest.raises(PatchError, match="not once"):
        Bug("x", Level.EASY, (), "", (("a\n", "c\n"),)).applied(source)


def test_what_is_not_there_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(LookupError, match="library"):
        service("library2")
    with pytest.raises(LookupError, match="book_not_deleted"):
        mutated(SERVICES["library"], "blind/book_not_delete")
    with pytest.raises(LookupError, match="comparison:page:0"):
        mutated(SERVICES["library"], "generated/comparison:page:00")
    with pytest.raises(LookupError, match="is no bug"):
        mutated(SERVICES["library"], "other/x")


def test_references_stand_for_what_was_answered() -> None:
    answers = [{"a": [{"b": "c"}]}]
    assert resolved({"x": ["$0.a.0.b", 1]}, answers) == {"x": ["c", 1]}
