"""Example stubs for methods: the beginning of a stub file, to be read and changed by its owner."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.errors import RenderError
from grpcmock.schema import MethodKind, codec
from grpcmock.schema.comments import comments_of
from grpcmock.stubs import steps
from grpcmock.stubs.dump import literals, plain_yaml
from grpcmock.synthesis import answer, generate

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.schema import Method, Registry

_STREAM = 2
"""Messages of an example stream."""

_MOST_FIELDS = 150
"""Fields of an example message: it is to be read, so of the largest types only the beginning is shown."""

_PATTERN_LIMIT = 300
"""Characters of the longest request that is shown as a pattern; longer ones only name their type."""


def example_file(methods: Iterable[Method], registry: Registry) -> str:
    """Write a stub file with one stub for each of the methods, all of one service."""
    methods = list(methods)
    head = (
        f"# Stubs of {methods[0].service}. Each answers any request until a pattern says which:\n"
        "# uncomment `request`, change it, and add more stubs. The more specific stub wins.\n"
    )
    return "\n".join([head, *(_example(method, registry) for method in methods)])


def _example(method: Method, registry: Registry) -> str:
    name = stub_names(registry)[method.full_name]
    pattern: list[str] = []
    answer_keys: dict[str, Any] = {}
    try:
        request = generate(method.request_class, registry, 0, as_request=True, most_fields=_MOST_FIELDS)
        shown = codec.to_text(request, _PATTERN_LIMIT + 1)
        pattern = [f"  # request: {shown}"] if len(shown) <= _PATTERN_LIMIT else []
        answer_keys = example_answer(method, registry, [request])
    except RenderError as error:
        pattern.append(f"  # To be written by hand, since {' '.join(str(error).split())}.")
    stub = {"name": name, "method": method.full_name, **answer_keys}
    named, declared, *rest = plain_yaml([stub]).splitlines()
    return "\n".join([*_comments(method, registry), named, declared, *pattern, *rest, ""])


def example_answer(method: Method, registry: Registry, requests: Sequence[Message]) -> dict[str, Any]:
    """Return the keys of a stub that answer these *requests* as the protos suggest.

    Raises :class:`RenderError` if no message can be made up.
    """

    def response(number: int = 0) -> Any:
        return literals(codec.to_tree(answer(method, registry, 0, requests, number, most_fields=_MOST_FIELDS)))

    match method.kind:
        case MethodKind.SERVER_STREAMING:
            return {"responses": [response(number) for number in range(_STREAM)], "interval": "100ms"}
        case MethodKind.BIDI_STREAMING:
            # One answer for each message that comes, as long as the client sends.
            return {"script": [{steps.ON: [{steps.SEND: [response()]}], steps.UNTIL: steps.HALF_CLOSE}]}
        case _:
            return {"response": response()}


@lru_cache(maxsize=4)
def stub_names(registry: Registry) -> Mapping[str, str]:
    """Return a readable name for the example of each method, by the method's full name; no two are the same.

    ``shop.v2.ShopService/Get`` becomes ``shop-service-get``; where another method has that name, too, as in packages
    ``v1`` and ``v2``, both get the package before it; and what clashes even so keeps its full name.
    """
    methods = registry.methods.values()
    proposed = {
        method.full_name: dict.fromkeys(
            (_kebab(f"{method.service.rpartition('.')[2]}-{method.name}"), _kebab(f"{method.service}-{method.name}"))
        )
        for method in methods
    }
    taken = Counter(name for names in proposed.values() for name in names)
    return {full: next((name for name in names if taken[name] == 1), full) for full, names in proposed.items()}


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|\.", "-", name).lower()


def _comments(method: Method, registry: Registry) -> list[str]:
    kind = f"{method.kind.value}: {method.input.full_name} → {method.output.full_name}"
    said = comments_of(registry).get(f"{method.service}.{method.name}", "").splitlines()
    return [f"# {line}".rstrip() for line in (*said, kind[0].upper() + kind[1:])]
