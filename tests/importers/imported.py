"""What tests of importers share: texts of other tools, imported against the protos of a small market."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.errors import Problems
from grpcmock.importers.check import errors_of
from grpcmock.importers.draft import Context, Draft
from grpcmock.importers.formats import FORMATS
from grpcmock.importers.loading import stubs_of
from grpcmock.schema import Registry, sources
from grpcmock.stubs.yaml import parse
from grpcmock.tree import Node


@cache
def market() -> Registry:
    return sources.load([Path(__file__).with_name("market.proto")])


def read(name: str, text: str, *, protos: bool = True) -> tuple[list[Draft], list[str]]:
    """Import a text in a format: the drafts, and the warnings. What comes out passes the check, if there are protos."""
    chosen, problems = FORMATS[name], Problems()
    if chosen.recognizes is None:
        documents = [Node(text, "notes.md", 1, 1)]
    else:
        documents = list(parse(chosen.prepared(text), "theirs.yaml", problems))
        firsts = [one.value[0] if one.is_list else one for one in documents]
        assert all(map(chosen.recognizes, firsts)), firsts
    context = Context(problems, market() if protos else None)
    drafts = chosen.reader()(documents, context)
    problems.raise_errors()
    if protos:
        errors = [str(error) for error in errors_of(drafts, market())]
        assert not errors, errors
    return drafts, [str(problem) for problem in problems.warnings]


def stub(name: str, text: str, **more: Any) -> dict[str, Any]:
    """Import a text that gives one stub without a warning; its keys but the name and the method."""
    drafts, warnings = read(name, text, **more)
    assert warnings == []
    (draft,) = drafts
    return {key: value for key, value in draft.ordered().items() if key not in ("name", "method")}


def engine(drafts: list[Draft]) -> Engine:
    """Make an engine of drafts."""
    problems = Problems()
    stubs = stubs_of(drafts, problems)
    return Engine(market(), stubs, options=EngineOptions(), problems=problems)


def gripmock(*stubs: dict[str, Any]) -> str:
    """Write stubs of GripMock for the method Order, where they name no other."""
    defaults: dict[str, Any] = {"service": "market.Market", "method": "Order", "output": {"data": {}}}
    return yaml.safe_dump([defaults | one for one in stubs], sort_keys=False)
