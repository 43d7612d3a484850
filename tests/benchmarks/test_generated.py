"""Bugs that operators make: what each operator does, that nothing stays changed, and that callers can tell."""

from __future__ import annotations

import ast
import json
import re

import pytest

from benchmarks.load import ROOT
from benchmarks.mutants.generated import listing, spoken
from benchmarks.mutants.generated.listing import KEPT, Generated, turns
from benchmarks.mutants.generated.mutations import mutation, mutations
from benchmarks.mutants.generated.operators import OPERATORS
from benchmarks.mutants.generated.oracle import Effect, difference, programs
from benchmarks.mutants.generated.spoken import Speaks
from benchmarks.mutants.services.definition import SERVICES, Definition

IN_PYTHON = [one for one in SERVICES.values() if one.in_python]


def made(operator: str, statement: str, head: str = "def f(a, b, request):") -> list[str]:
    """The statements that an operator makes of one; empty for one that is left out."""
    tree, found = mutations(f"{head}\n    {statement}\n")
    told = []
    for one in found:
        if one.operator == operator:
            with one.made():
                function = tree.body[0]
                assert isinstance(function, ast.FunctionDef)
                told.append("; ".join(ast.unparse(part) for part in function.body))
    return told


@pytest.mark.parametrize(
    ("operator", "statement", "expected"),
    [
        ("comparison", "return a < b", ["return a <= b"]),
        ("comparison", "return 1 <= a != b", ["return 1 < a != b", "return 1 <= a == b"]),
        ("comparison", "return a in b", ["return a not in b"]),
        ("bound", "return a + 5", ["return a + 6", "return a + 4"]),
        ("bound", "return True", []),
        ("condition", "return a if b else 1", ["return a if not b else 1"]),
        ("condition", "return not a", ["return a"]),
        ("condition", "return a and b", ["return a or b", "return b", "return a"]),
        ("condition", "return [x for x in a if b]", ["return [x for x in a]"]),
        ("deleted", "a.b = 1", ["pass"]),
        ("deleted", "a = 1", []),
        ("deleted", "a()", ["pass"]),
        ("deleted", "raise a", ["pass"]),
        ("deleted", "del a[b]", ["pass"]),
        ("arguments", "return f(a, b, 1)", ["return f(b, a, 1)"]),
        ("arguments", "return f(a)", []),
        ("off_by_one", "return a[b:]", ["return a[b + 1:]"]),
        ("off_by_one", "return a * b", ["return a // b"]),
        ("element", "return (a, b, 1)", ["return (b, 1)", "return (a, 1)", "return (a, b)"]),
        ("element", "return f(x=a, y=b)", ["return f(y=b)", "return f(x=a)"]),
        ("field", "return request.x + request.y", ["return request.y + request.y", "return request.x + request.x"]),
        ("field", "return request.x", []),
        ("constant", "return f(True)", ["return f(False)"]),
        ("constant", "return a", ["return None"]),
        ("loop", "for x in a: f(x)", ["for x in a:\n    f(x)\n    break"]),
        ("early_return", "f(a); return b", ["return b; f(a); return b"]),
        ("early_return", "b = f(a); return b", []),
    ],
)
def test_an_operator_changes_one_place_in_each_way(operator: str, statement: str, expected: list[str]) -> None:
    assert made(operator, statement) == expected


def test_what_errors_say_and_what_is_annotated_stays() -> None:
    _, found = mutations("X: int = 1\ndef f(a: g(1, 2) = 1):\n    raise E(f'{a < 1}', 5)\n")
    assert [one.name for one in found] == ["deleted:f:0"]


@pytest.mark.parametrize("definition", IN_PYTHON, ids=lambda one: one.name)
def test_the_list_of_a_service_is_that_of_its_source(definition: Definition) -> None:
    tree, found = mutations(definition.source.read_text())
    kept = listing.read(definition)
    by_name = {one.name: one for one in found}
    assert len(by_name) == len(found)
    assert len(kept) == KEPT
    operators = {one.partition(":")[0] for one in kept}
    assert operators <= {*OPERATORS, "early_return"}
    assert len(operators) >= 9
    before = ast.dump(tree)
    for name, bug in kept.items():
        assert (by_name[name].line, by_name[name].told()) == (bug.line, bug.told)
        with by_name[name].made():
            compile(tree, "changed", "exec")
    assert ast.dump(tree) == before


def test_changes_take_turns_in_the_same_order() -> None:
    source = SERVICES["ledger"].source.read_text()
    first, again = ([one.name for one in turns(mutations(source)[1])] for _ in range(2))
    assert first == again
    assert len({name.partition(":")[0] for name in first[:11]}) == 11


def test_the_oracle_tells_a_bug_from_a_change_that_nobody_sees() -> None:
    definition = SERVICES["parcels"]
    source = definition.source.read_text()
    tried = programs(definition, 6)
    assert difference(definition, ast.parse(source), tried) is None
    assert difference(definition, ast.parse(source.replace("steps = 1 +", "steps = 0 + 1 +")), tried) is None
    seen = {
        name: difference(definition, ast.parse(definition.blind()[name].applied(source)), tried)
        for name in ("lookup_by_nothing_unhandled", "codes_without_sign", "reference_taken_twice")
    }
    effects = {name: one.effect for name, one in seen.items() if one is not None}
    assert effects == {
        "lookup_by_nothing_unhandled": Effect.FAILS,
        "codes_without_sign": Effect.ANSWER,
        "reference_taken_twice": Effect.ACCEPTS,
    }


def test_the_oracle_tells_what_hangs_from_what_waits() -> None:
    definition = SERVICES["events"]
    source = definition.source.read_text()
    seen = difference(
        definition, ast.parse(definition.blind()["half_close_ignored"].applied(source)), programs(definition, 4)
    )
    assert seen is not None
    assert (seen.effect, seen.method) == (Effect.HANGS, "StreamingPull")


def test_a_generated_bug_is_served_by_its_name() -> None:
    source = SERVICES["ledger"].source.read_text()
    name = next(iter(listing.read(SERVICES["ledger"])))
    assert ast.dump(mutation(source, name)) != ast.dump(ast.parse(source))


def judgment(**fields: str) -> str:
    return json.dumps({"name": "bound:f:0", "speaks": "contract", "where": "F: at most 5", **fields})


@pytest.mark.parametrize("definition", IN_PYTHON, ids=lambda one: one.name)
def test_every_bug_that_is_kept_is_judged_once_and_no_other(definition: Definition) -> None:
    judged, kept = spoken.read(definition), listing.read(definition)
    assert spoken.gaps(judged, kept.values(), kept) == []
    assert list(judged) == list(kept)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (judgment(speaks="somebody"), "Line 1 is no judgment"),
        (judgment(why="?"), "Line 1 is no judgment"),
        (f"{judgment()}\n{judgment()}", "Line 2 judges bound:f:0 again"),
        (judgment(where=""), "Line 1 has to say where"),
        (judgment(speaks="nothing"), "Line 1 has to say where"),
        ("{", "Line 1 is no judgment"),
    ],
)
def test_what_is_no_judgment_is_refused(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        spoken.parsed(text)


def test_a_judgment_says_what_speaks_of_a_bug() -> None:
    assert spoken.parsed(judgment())["bound:f:0"].speaks is Speaks.CONTRACT
    assert spoken.parsed(judgment(speaks="nothing", where=""))["bound:f:0"].speaks is Speaks.NOTHING
    assert spoken.speaks("library", "no:such:0") == spoken.speaks("routes", "no:such:0") == spoken.NOT_JUDGED


def test_gaps_tell_which_judgments_lack_or_are_of_something_else() -> None:
    def bug(name: str, told: str) -> Generated:
        return Generated(name, 1, told, "answer", "F", "OK", "OK")

    kept = [bug("bound:f:0", "5 → 6"), bug("bound:f:1", "7 → 6"), bug("bound:g:0", "1 → 2")]
    before = {"bound:f:0": bug("bound:f:0", "5 → 6"), "bound:f:1": bug("bound:f:1", "5 → 4")}
    assert spoken.gaps(["bound:f:0", "bound:f:1", "bound:h:0"], kept, before) == [
        "Not judged: bound:g:0.",
        "Judged, and another change by now: bound:f:1.",
        "Judged, and not kept any more: bound:h:0.",
    ]


def test_the_readme_counts_what_speaks_of_them() -> None:
    lines = (ROOT / "benchmarks" / "mutants" / "README.md").read_text().splitlines()
    head = next(line for line in lines if line.startswith("| what speaks of it |"))
    services = re.findall(r"`(\w+)`", head)
    assert set(services) == {one.name for one in IN_PYTHON}
    for word in Speaks:
        counts = [sum(one.speaks is word for one in spoken.read(SERVICES[name]).values()) for name in services]
        row = next(line for line in lines if line.startswith(f"| `{word}`"))
        assert row.split(" | ")[1:] == [*map(str, counts), f"{sum(counts)} |"]
