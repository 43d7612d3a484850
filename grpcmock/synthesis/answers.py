"""Generated answers: valid and natural messages, the same for the same request and seed on every machine."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from grpcmock.errors import RenderError
from grpcmock.schema import MethodKind
from grpcmock.schema.naming import snake_case
from grpcmock.schema.rules import BrokenRulesError, UnreadableRulesError
from grpcmock.synthesis.echo import asked_for, page_limit
from grpcmock.synthesis.keyed_random import KeyedRandom
from grpcmock.synthesis.messages import make
from grpcmock.synthesis.operations import OPERATION, Operations, operation
from grpcmock.synthesis.planning import MessagePlan, Planner
from grpcmock.synthesis.request import MOST_FIELDS, GenerationRequest

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.schema import Method, Registry

_log = logging.getLogger(__name__)

_TRIES = 300
"""How often a message that breaks a rule is made anew; after that the best one is taken, …"""

_WORK = 8_000
"""… as it is after so many fields in all, so that no rules whatever keep a server busy for long."""

_STREAM = 3


def _utc_now() -> datetime:
    return datetime.now(UTC)


def generate(
    message_class: type[Message],
    registry: Registry,
    seed: bytes | int,
    *,
    request: Message | None = None,
    requests: Sequence[Message] | None = None,
    number: int = 0,
    as_request: bool = False,
    most_fields: int = MOST_FIELDS,
    now: Callable[[], datetime] = _utc_now,
) -> Message:
    """Make one valid message with natural values.

    What it holds follows from the type, the seed and the request alone; only rules that speak of the present
    (``lt_now``, ``gt_now``, ``within``) look at the clock. Fields of the request with the same name and type are taken
    over. *requests* stands for a stream of requests that the message sums up; *number* is its own place in a stream of
    answers. With *as_request* it is one that a client may send. Where rules contradict each other, the message that
    breaks the fewest is given. Raises :class:`RenderError` if none can be made.
    """
    planner = _planner(registry)
    seen = tuple(requests) if requests is not None else (request,) if request is not None else ()
    key = _key(seed, message_class.DESCRIPTOR.full_name, seen)
    series = KeyedRandom(key)
    generation = GenerationRequest(
        planner,
        series.child(str(number)) if number else series,
        series,
        now(),
        seen,
        counts_requests=requests is not None,
        ordinal=number,
        as_request=as_request,
        most_fields=most_fields,
    )
    descriptor: Descriptor = message_class.DESCRIPTOR  # type: ignore[assignment]
    try:
        return _valid(planner.plan(descriptor), generation)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise RenderError(
            f"no {descriptor.full_name} could be made up, which is a bug of grpcmock ({reason})"
        ) from error


@lru_cache(maxsize=4)
def _planner(registry: Registry) -> Planner:
    # A few only: after a reload, the registry from before is not needed any more.
    return Planner(registry)


def is_valid(message: Message, registry: Registry) -> bool:
    """Whether a message has all that its type requires, and keeps the rules that its protos declare."""
    if not message.IsInitialized():
        return False
    planner = _planner(registry)
    return not planner.options.has_rules or not _violations(message, planner)


def violations(message: Message, registry: Registry) -> list[Any]:
    """Return how a message breaks the rules that its protos declare, as protovalidate tells it."""
    planner = _planner(registry)
    return _violations(message, planner) if planner.options.has_rules else []


def stream_length(response: Descriptor, requests: Sequence[Message]) -> int:
    """Give the length of a generated stream: what the request asks for by ids or page size, else three.

    Where each message is a page by itself, it is the page that has as many items.
    """
    is_page = any(snake_case(field.name).startswith("next_page") for field in response.fields)
    return (0 if is_page else asked_for(requests) or page_limit(requests)) or _STREAM


def answer(
    method: Method,
    registry: Registry,
    seed: bytes | int,
    requests: Sequence[Message],
    number: int = 0,
    *,
    most_fields: int = MOST_FIELDS,
    now: Callable[[], datetime] = _utc_now,
) -> Message:
    """Return the answer of a method to its requests; *number* is its place in a stream of answers."""
    sums_up = method.kind is MethodKind.CLIENT_STREAMING
    request = requests[0] if requests and not sums_up else None

    def make(message_class: type[Message]) -> Message:
        seen = requests if sums_up else None
        return generate(
            message_class,
            registry,
            seed,
            request=request,
            requests=seen,
            number=number,
            most_fields=most_fields,
            now=now,
        )

    if method.output.full_name != OPERATION:
        return make(method.response_class)
    info = _planner(registry).options.operation_info(method.descriptor)
    return operation(method, registry, info, _key(seed, OPERATION, requests), request, make)


class Answers:
    """The generated answers of one method."""

    def __init__(
        self,
        method: Method,
        registry: Registry,
        seed: int,
        operations: Operations | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """*operations* keeps those that are given, for whoever asks for them by name; *now* tells the present."""
        self._now = now
        self._operations = operations or Operations()
        self._method = method
        self._registry = registry
        self._seed = f"{seed}{method.path}".encode()

    def one(self, requests: Sequence[Message]) -> bytes:
        """Give the answer to a request; to all of them, where the client streams and the server doesn't."""
        return self._encode(requests, 0)

    def many(self, requests: Sequence[Message]) -> Iterator[bytes]:
        """Give the stream of answers to a request."""
        for number in range(stream_length(self._method.output, requests)):
            yield self._encode(requests, number)

    def _encode(self, requests: Sequence[Message], number: int) -> bytes:
        if (found := self._operations.find(requests)) is not None:
            return found
        message = answer(self._method, self._registry, self._seed, requests, number, now=self._now)
        if message.DESCRIPTOR.full_name == OPERATION:
            self._operations.keep(message)
        return message.SerializePartialToString(deterministic=True)


def _key(seed: bytes | int, type_name: str, requests: Sequence[Message]) -> bytes:
    """Give the key that all choices derive from; each part is preceded by its length."""
    digest = blake2b(digest_size=32)
    parts = (seed if isinstance(seed, bytes) else str(seed).encode(), type_name.encode())
    for part in (*parts, *map(_said, requests)):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def _said(request: Message) -> bytes:
    """Give what a request says. What its type doesn't know changes nothing, so newer clients are told the same."""
    known = type(request)()
    known.CopyFrom(request)
    known.DiscardUnknownFields()
    return bytes(known.SerializePartialToString(deterministic=True))


def _valid(plan: MessagePlan, generation: GenerationRequest) -> Message:
    """Make messages until the validator has nothing against one; in each try only what was refused is drawn anew."""
    message, made = make(plan, generation)
    if not generation.planner.options.has_rules:
        return message
    best, fewest, kept = message, sys.maxsize, generation.refused
    latest: dict[str, int] = {}
    for attempt in range(min(_TRIES, 2 + _WORK // max(1, made))):
        violations = _violations(message, generation.planner)
        if not violations:
            return message
        if len(violations) <= fewest:
            best, fewest, kept, wrong = message, len(violations), generation.refused, violations
        # Each try sets out from the best one so far, and draws only what was refused there, never the same again.
        random = generation.random.child(f"try {attempt}")
        paths = {_refused(violation, generation.planner, plan, random): None for violation in wrong}
        latest |= {path: latest.get(path, 0) + 1 for path in paths}
        generation.refused = kept | {path: latest[path] for path in paths}
        message, _ = make(plan, generation)
    return best


def _violations(message: Message, planner: Planner) -> list[Any]:
    """Ask the validator; where it can't judge, because a rule itself is broken, say so once and take the message."""
    try:
        return planner.judge.violations(message)
    except (UnreadableRulesError, BrokenRulesError) as error:
        # One reason may hold for every type there is.
        if str(error) not in planner.told:
            planner.told.add(str(error))
            name = message.DESCRIPTOR.full_name
            _log.warning("The rules of %s can't be evaluated, so generated messages may break them: %s", name, error)
        return []


def _refused(violation: Any, planner: Planner, plan: MessagePlan, random: KeyedRandom) -> str:
    """Give the path of what should be drawn anew to fix a violation."""
    path, descriptor = "", plan.descriptor
    proto = violation.proto
    for element in proto.field.elements if proto.field is not None else ():
        path = f"{path}.{element.field_name}" if path else element.field_name
        field = descriptor.fields_by_name.get(element.field_name)
        if field is None:  # a oneof
            return path
        if element.subscript is not None:
            if element.subscript.field != "index":
                return path  # a map is drawn anew as a whole
            path = f"{path}[{element.subscript.value}]"
        if field.message_type is not None:
            descriptor = field.message_type
    if proto.field is not None and proto.field.elements and field is not None and field.message_type is None:
        return path
    expression = planner.plan(descriptor).cel.get(proto.rule_id, "")
    names = dict.fromkeys(re.findall(r"\bthis\.(\w+)", expression))
    mentioned = [name for name in names if name in descriptor.fields_by_name]
    if not mentioned:
        return path
    name = random.choice(mentioned)
    return f"{path}.{name}" if path else name
