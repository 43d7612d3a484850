"""What kind of method it is by name and options: one that only reads, and one by which others can be observed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import MethodOptions

from grpcmock.fuzz.expectations.naming import capitalized
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.schema import Method

_READING = re.compile(
    r"(Get|List|BatchGet|Search|Lookup|Look|Export|Watch|Count|Find|Query|Read|Fetch|Check(?!(?:[Oo]ut|[Ii]n)(?![a-z]))|"
    r"Describe|Stat|Has|Is|Show|Stream|Subscribe|Echo|Ping|Health|Validate|Preview|Estimate|Range|Scan|Download|View|Browse)(?=[A-Z]|$|s$)"
    r"|(TimeToLive|Ttl|Statement|Balance|History|Status|Info|Details|Summary)$"
)
_TELLING = re.compile(r"(List|Export|Count|Search|Stat|Dump)")

_ENDING_ALL = re.compile(
    r"(?:Shut[Dd]own|Exit|Quit|Halt|(?:Stop|Kill|Terminate|Restart|Reboot)(?=[A-Z]))"
    r"(?:The)?(?:Server|Process|Daemon|Service|Node|System|Host|Machine)?(?:Now|Gracefully)?"
)

JUST_CHECKS = frozenset(
    {"validate_only", "dry_run", "dryrun", "preview", "simulate", "check_only", "test_only", "what_if", "no_op"}
)
"""Fields that ask for nothing to be done, but for an answer as if it were (AIP-163)."""


def just_checks(request: Message) -> bool:
    """Whether a request asks for nothing to be done."""
    return any(field.name in JUST_CHECKS for field, _ in request.ListFields())


def ends_server(method: Method) -> bool:
    """Whether a method is there to end the server itself, by its name, and since its requests name nothing else."""
    names_nothing = all(field.type in (field.TYPE_BOOL, field.TYPE_ENUM) for field in method.input.fields)
    return names_nothing and _ENDING_ALL.fullmatch(capitalized(method.name)) is not None


def only_reads(method: Method) -> bool:
    """Whether a method has no side effects, as its options say, or else as its name suggests."""
    level = method.descriptor.GetOptions().idempotency_level
    if level == MethodOptions.NO_SIDE_EFFECTS:
        return True
    return level == MethodOptions.IDEMPOTENCY_UNKNOWN and _READING.match(capitalized(method.name)) is not None


def observers(method: Method, methods: Iterable[Method]) -> list[Method]:
    """Give methods of the same service that tell of many things at once, for little: by them changes are noticed."""
    return [
        other
        for other in methods
        if other.service == method.service
        and other.kind in (MethodKind.UNARY, MethodKind.SERVER_STREAMING)
        and _TELLING.match(other.name)
        and only_reads(other)
    ]
