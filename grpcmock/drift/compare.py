"""Compare two versions of the protos: all of both, or what a server's methods need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from grpcmock.drift import enums, fields, files, messages, services
from grpcmock.drift.comparison import Comparison, Pair
from grpcmock.drift.differences import COMPATIBLE, EVERYONE, JSON, SOURCE, Difference, Use, in_order

if TYPE_CHECKING:
    from grpcmock.drift.views import Field, Schema


def compare(old: Schema, new: Schema, *, live: bool = False, ahead: bool = False) -> list[Difference]:
    """Give all differences, those that break the wire first.

    With *live*, *new* is what a server shows of itself, or *old* where the protos at home are *ahead* of it: only what
    the methods of both need is compared, wherever it stands, since a server shows nothing else. Types that come along
    with protobuf are never compared with each other.
    """
    comparison = Comparison(old, new, live=live, ahead=ahead)
    services.compare(comparison, old.services.values(), new.services.values())
    if not live:
        _pair_all(comparison)
    for pair in comparison.pending():
        _types(comparison, pair)
    _extensions(comparison)
    if not live:
        _unpaired(comparison)
    files.compare(comparison)
    return in_order(comparison.differences)


def _pair_all(comparison: Comparison) -> None:
    moved = files.renames(comparison.old, comparison.new)
    for before, after in (
        (comparison.old.messages, comparison.new.messages),
        (comparison.old.enums, comparison.new.enums),
    ):
        for name, view in before.items():
            other = name if name in after else moved.get(name, "")
            if other in after and not getattr(view, "is_map_entry", False):
                comparison.pair(name, other)


def _types(comparison: Comparison, pair: Pair) -> None:
    old, new = comparison.old, comparison.new
    if pair.old in old.messages and pair.new in new.messages:
        one, other = old.messages[pair.old], new.messages[pair.new]
        if not (one.is_shipped and other.is_shipped and pair.old == pair.new):
            messages.compare(comparison, one, other)
    elif pair.old in old.enums and pair.new in new.enums:
        before, after = old.enums[pair.old], new.enums[pair.new]
        if not (before.is_shipped and after.is_shipped and pair.old == pair.new):
            enums.compare(comparison, before, after)


def _extensions(comparison: Comparison) -> None:
    """Compare extensions. A server shows those only that its methods' files happen to import."""
    old, new = comparison.old.extensions, comparison.new.extensions
    compared = {pair.old for pair in comparison.seen} if comparison.live else None
    for key, one in old.items():
        if compared is not None and key[0] not in compared:
            continue
        other = new.get(key)
        if other is not None:
            if one.full_name != other.full_name:
                _extension_renamed(comparison, one, other)
            fields.compare(comparison, one, other)
        elif not comparison.live:
            why = "What is written there is kept as unknown; code that names it doesn't compile."
            comparison.found(
                "extension-removed", one, None, EVERYONE, comparison.gone, why, "Keep it.", fields.uses(one)
            )
    for key, other in new.items():
        if key not in old and not comparison.live:
            why = "Programs of the old version pass over it."
            comparison.found("extension-added", None, other, COMPATIBLE, comparison.fresh, why)
    for pair in comparison.pending():  # types that only extensions lead to
        _types(comparison, pair)


def _extension_renamed(comparison: Comparison, old: Field, new: Field) -> None:
    comparison.found(
        "field-renamed",
        old,
        new,
        SOURCE | JSON,
        comparison.change("its name", old.full_name, new.full_name),
        "The bytes can be read; code, and JSON with the old name in brackets, don't fit.",
        "Keep the name.",
        fields.uses(old, new),
    )


def _unpaired(comparison: Comparison) -> None:
    """Note the types that are there in one version only, and stand for none of the other under another name."""
    olds = {pair.old for pair in comparison.seen if pair.old != pair.new}
    news = {pair.new for pair in comparison.seen if pair.old != pair.new}
    for kind in ("message", "enum"):
        before, after = getattr(comparison.old, f"{kind}s"), getattr(comparison.new, f"{kind}s")
        for name in _only_in(before, after, olds):
            why = "Code that names it doesn't compile; fields of this type are told beside this."
            touches: frozenset[Use] = frozenset([("message", name)] if kind == "message" else [])
            comparison.found(f"{kind}-removed", before[name], None, SOURCE, comparison.gone, why, "Keep it.", touches)
        for name in _only_in(after, before, news):
            comparison.found(f"{kind}-added", None, after[name], COMPATIBLE, comparison.fresh, "Nobody uses it yet.")


def _only_in(these: Mapping[str, Any], others: Mapping[str, Any], paired: set[str]) -> Iterator[str]:
    """Give the names that are among *these* only; what is nested in one of them isn't told by itself."""
    for name, view in these.items():
        if name in others or name in paired or view.is_shipped or getattr(view, "is_map_entry", False):
            continue
        outer = name.rpartition(".")[0]
        if not (outer in these and outer not in others and outer not in paired):
            yield name
