"""Compare services: their methods, and the types that these take and give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from grpcmock.drift import types
from grpcmock.drift.differences import COMPATIBLE, EVERYONE, JSON, SOURCE, WIRE, Breaks, Use

if TYPE_CHECKING:
    from grpcmock.drift.comparison import Comparison
    from grpcmock.drift.views import Method, Service

_KINDS = {
    (False, False): "unary",
    (False, True): "server streaming",
    (True, False): "client streaming",
    (True, True): "bidirectional streaming",
}
_PROMISES = ("", "IDEMPOTENT", "NO_SIDE_EFFECTS")
"""Levels of idempotency; each promises what those before it do, and more."""


def compare(comparison: Comparison, old: Iterable[Service], new: Iterable[Service]) -> None:
    """Note what differs between services: those of one name, and those that seem to have been renamed."""
    before = {service.full_name: service for service in old}
    after = {service.full_name: service for service in new}
    gone = [service for name, service in before.items() if name not in after]
    fresh = [service for name, service in after.items() if name not in before]
    for name, service in before.items():
        if name in after:
            _methods(comparison, service, after[name])
            comparison.deprecation(service, after[name], service.deprecated, after[name].deprecated)
    for service in gone:
        other = _only([one for one in fresh if _alike(service, one)], [one for one in gone if _alike(one, service)])
        if other is not None and _only([one for one in gone if _alike(one, other)]) is service:
            fresh.remove(other)
            _renamed(comparison, service, other)
        else:
            hint = "Bring it back."
            if comparison.live and not comparison.ahead:
                hint = "Is this the right server, and does it list the service?"
            why = "Calls of its methods end with UNIMPLEMENTED."
            comparison.found(
                "service-removed", service, None, EVERYONE, comparison.gone, why, hint, _uses(*service.methods)
            )
    for service in fresh:
        why = "Nobody calls it yet."
        comparison.found("service-added", None, service, COMPATIBLE, comparison.fresh, why)


def _renamed(comparison: Comparison, old: Service, new: Service) -> None:
    comparison.found(
        "service-renamed",
        old,
        new,
        EVERYONE,
        comparison.change("its name", old.full_name, new.full_name),
        "The name is part of the path of a call: under the old one, calls end with UNIMPLEMENTED.",
        "Serve it under the old name, too, until nobody calls it.",
        _uses(*old.methods, *new.methods),
    )
    _methods(comparison, old, new)


def _alike(one: Service, other: Service) -> bool:
    """Whether the one may be the other under a new name: by its simple name, or by its methods."""
    if one.full_name.rpartition(".")[2] == other.full_name.rpartition(".")[2]:
        return True
    methods = {method.name for method in one.methods}
    return bool(methods) and methods == {method.name for method in other.methods}


def _only(*candidates: Sequence[Service]) -> Service | None:
    """Give the first candidate, if it has no rival."""
    return candidates[0][0] if all(len(some) == 1 for some in candidates) else None


def _uses(*methods: Method) -> frozenset[Use]:
    return frozenset(("method", method.full_name) for method in methods)


def _methods(comparison: Comparison, old: Service, new: Service) -> None:
    before = {method.name: method for method in old.methods}
    after = {method.name: method for method in new.methods}
    gone = [method for name, method in before.items() if name not in after]
    fresh = [method for name, method in after.items() if name not in before]
    for name, method in before.items():
        if name in after:
            _method(comparison, method, after[name])
    for method in gone:
        rivals = [one for one in gone if _shape(one) == _shape(method)]
        heirs = [one for one in fresh if _shape(one) == _shape(method)]
        if len(rivals) == len(heirs) == 1:
            fresh.remove(heirs[0])
            _method_renamed(comparison, method, heirs[0])
        else:
            why = "Calls of it end with UNIMPLEMENTED."
            hint = "Bring it back; mark it as deprecated until nobody calls it."
            comparison.found("method-removed", method, None, EVERYONE, comparison.gone, why, hint, _uses(method))
    for method in fresh:
        comparison.found("method-added", None, method, COMPATIBLE, comparison.fresh, "Nobody calls it yet.")


def _shape(method: Method) -> tuple[bool, bool, str, str]:
    return method.client_streams, method.server_streams, method.request, method.response


def _method_renamed(comparison: Comparison, old: Method, new: Method) -> None:
    comparison.found(
        "method-renamed",
        old,
        new,
        EVERYONE,
        comparison.change("its name", old.name, new.name) + ", to judge by its types",
        "The name is part of the path of a call: under the old one, calls end with UNIMPLEMENTED.",
        "Serve it under the old name, too, until nobody calls it.",
        _uses(old, new),
    )
    _method(comparison, old, new)


def _method(comparison: Comparison, old: Method, new: Method) -> None:
    before, after = (_KINDS[method.client_streams, method.server_streams] for method in (old, new))
    if before != after:
        comparison.found(
            "method-kind-changed",
            old,
            new,
            EVERYONE,
            comparison.change("its kind", before, after),
            "One side sends or expects a single message where the other streams any number; generated code differs.",
            "Keep the method as it was, and add another one that streams.",
            _uses(old, new),
        )
    for what, rule, one, other in (
        ("request", "request-type-changed", old.request, new.request),
        ("response", "response-type-changed", old.response, new.response),
    ):
        if one != other:
            special = types.has_special_json(one) or types.has_special_json(other)
            comparison.found(
                rule,
                old,
                new,
                SOURCE | (JSON if special else COMPATIBLE),
                comparison.change(f"its {what}", one, other),
                "On the wire a type has no name, but generated code has; what differs inside is told beside this.",
                "Keep the type, and add fields to it.",
                _uses(old, new),
            )
        comparison.pair(one, other)
    _idempotency(comparison, old, new)
    if old.http != new.http:
        added = not old.http
        comparison.found(
            "http-rule-changed",
            old,
            new,
            COMPATIBLE if added else frozenset({Breaks.JSON}),
            comparison.change(
                "its google.api.http annotation", *("there" if rule else "missing" for rule in (old.http, new.http))
            )
            if bool(old.http) != bool(new.http)
            else f"its google.api.http annotation is another one {comparison.now}",
            "It can be called by HTTP and JSON, too." if added else "Who calls it by HTTP and JSON finds it elsewhere.",
            "" if added else "Keep the old path as one of additional_bindings.",
            _uses(old, new),
        )
    comparison.deprecation(old, new, old.deprecated, new.deprecated)


def _idempotency(comparison: Comparison, old: Method, new: Method) -> None:
    if old.idempotency == new.idempotency:
        return
    promised_less = _PROMISES.index(new.idempotency) < _PROMISES.index(old.idempotency)
    comparison.found(
        "idempotency-changed",
        old,
        new,
        WIRE if promised_less else COMPATIBLE,
        comparison.change(
            "its idempotency_level", *(level or "unknown" for level in (old.idempotency, new.idempotency))
        ),
        "Clients that repeat calls, or send them as a GET, rely on the promise that was given."
        if promised_less
        else "More is promised than before.",
        "Keep the level, or have clients stop repeating calls first." if promised_less else "",
        _uses(old, new),
    )
