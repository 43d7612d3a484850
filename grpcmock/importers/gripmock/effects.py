"""Effects of GripMock as scenarios: a stub that another puts in place, or takes away, holds in one state of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.importers.go_templates import is_template

if TYPE_CHECKING:
    from grpcmock.tree import Node

STARTED = "started"
_GONE = "deleted"


@dataclass(slots=True)
class Written:
    """One stub as GripMock has it, and what its effects mean here."""

    node: Node
    plain: dict[str, Any]
    state: dict[str, str] = field(default_factory=dict)
    set: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Effects that have no counterpart, and why."""

    @property
    def id(self) -> str:
        return str(self.plain.get("id") or "").lower()


def with_states(stubs: Iterable[Written]) -> list[Written]:
    """Give all stubs, those of effects among them, with the states in which they hold and those that they set."""
    found = list(stubs)
    known = {stub.id: stub for stub in found if stub.id}
    scenarios: dict[str, str] = {}
    versions: dict[str, int] = {}
    pending = list(found)
    while pending:
        stub = pending.pop(0)
        effects = stub.plain.get("effects")
        if not isinstance(effects, list):
            continue
        parts = list(zip(effects, _nodes(stub.node), strict=False))
        reasons = [reason for effect, _ in parts if (reason := _unsayable(effect))]
        if reasons:  # GripMock does all effects of a call or none
            stub.left_out += reasons
            continue
        for effect, node in parts:
            inner = effect.get("stub") or {}
            target = str(effect.get("id") or inner.get("id") or f"{stub.id}#{len(versions)}").lower()
            if target not in scenarios:
                scenarios[target] = _scenario(
                    target, inner or (known[target].plain if target in known else {}), scenarios
                )
            if effect["action"] == "delete":
                stub.set[scenarios[target]] = _GONE
                continue
            versions[target] = number = versions.get(target, 0) + 1
            state = "added" if number == 1 else f"added {number}"
            stub.set[scenarios[target]] = state
            session = stub.plain.get("session")
            added = Written(node, {**inner, **({"session": session} if session else {})}, {scenarios[target]: state})
            added.comments.append("This stub was put in place by an effect of another.")
            found.append(added)
            pending.append(added)
    for target, scenario in scenarios.items():
        if target in known and scenario not in known[target].state:
            known[target].state[scenario] = STARTED
    return found


def _nodes(node: Node) -> Iterator[Node]:
    for effect in node.value["effects"].value if "effects" in node.value else ():
        stub = effect.value.get("stub") if effect.is_mapping else None
        yield stub if stub is not None else effect


def _unsayable(effect: Any) -> str:
    """Say why an effect can't be written; nothing if it can."""
    if not isinstance(effect, dict) or effect.get("action") not in ("upsert", "delete"):
        return "there is no such action"
    if effect["action"] == "delete":
        if is_template(str(effect.get("id"))):
            return "which stub it deletes is known only from the call"
        return "" if effect.get("id") else "it names no stub"
    stub = effect.get("stub")
    if not isinstance(stub, dict) or not stub.get("service") or not stub.get("method") or not stub.get("output"):
        return "the stub of an `upsert` lacks service, method or output"
    if any(is_template(text) for text in _texts(stub)):
        return "the stub of an `upsert` is made from the call"
    return ""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value


def _scenario(target: str, plain: dict[str, Any], taken: dict[str, str]) -> str:
    name = f"{plain.get('method') or 'stub'}-{target[:8]}" if "#" not in target else f"{plain.get('method')}-added"
    names = {*taken.values()}
    return name if name not in names else next(one for n in range(2, 1000) if (one := f"{name}-{n}") not in names)
