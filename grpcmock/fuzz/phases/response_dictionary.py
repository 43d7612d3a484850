"""What the replies of a server teach: values it has handed out, and words about rules that were broken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from grpcmock.client.details import decode_details
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.generation.hints import Hints
from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.model.results import Termination
from grpcmock.schema.codec import try_decode
from grpcmock.status import DETAILS_KEY

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply
    from grpcmock.schema import Registry

_MOST = 48
"""So many replies of a method are learned from; later ones hardly hold news."""

_LONGEST = 400
"""Bytes of a request that is kept."""

_WORDS = re.compile(r"""(["'`])(.{1,64}?)\1|(?<![\w.])(-?\d{1,18})(?![\w.])""")


class ResponseDictionary:
    """Values by the names of fields, for requests to come.

    They are taken in the order of the cases, so that against a server which answers the same, the same is learned.
    """

    def __init__(self) -> None:
        self.hints = Hints()
        self.has_values = False
        self.accepted: dict[str, bytes] = {}
        """The longest request of each method that was answered with OK, by paths; none that is very long."""

        self._learned: dict[str, int] = {}
        self._generators: Generators | None = None

    def generators(self, registry: Registry) -> Generators:
        """Return generators that make use of what was learned, and go on to do so as it grows."""
        if self._generators is None:
            self._generators = Generators(registry, hints=self.hints)
        return self._generators

    def learn(self, case: Case, result: CaseResult, registry: Registry) -> None:
        """Take what a case's replies hold."""
        if case.repeat > 1:
            return
        for reply in result.replies:
            if reply.is_ok and len(sent := reply.call.messages) == 1 and case.phase is not Phase.INJECTION:
                known = self.accepted.get(reply.call.path)
                if known is None or len(known) < len(sent[0]) <= _LONGEST:
                    self.accepted[reply.call.path] = sent[0]
            if reply.call.method is None or (not reply.responses and not reply.trailers):
                continue
            kind = f"{reply.call.path} {reply.code}"
            seen = self._learned.get(kind, 0)
            if seen >= _MOST:
                continue
            self._learned[kind] = seen + 1
            self._take(reply, registry)

    def _take(self, reply: Reply, registry: Registry) -> None:
        method = reply.call.method
        assert method is not None
        if reply.code == 0 or reply.termination is Termination.ENOUGH:
            for data in reply.responses[:4]:
                answer = try_decode(method.response_class, data)
                if answer is not None:
                    self.hints.learn_message(answer)
                    self.has_values = True
        if not any(key == DETAILS_KEY for key, _ in reply.trailers):
            return
        rich = decode_details(reply.trailers, registry)
        for detail in rich.details if rich is not None else ():
            for path, words in _violations(detail.message):
                field = _field(method.input, path)
                for value in _values(words) if field is not None else ():
                    self.has_values |= self.hints.learn(field.full_name, value)  # type: ignore[union-attr]


def _violations(message: Any) -> list[tuple[str, str]]:
    """Give the paths and words of a ``BadRequest``, or of the ``Violations`` of protovalidate."""
    if message is None:
        return []
    if message.DESCRIPTOR.full_name == "google.rpc.BadRequest":
        return [(one.field, one.description) for one in message.field_violations]
    if message.DESCRIPTOR.full_name == "buf.validate.Violations":
        return [(".".join(step.field_name for step in one.field.elements), one.message) for one in message.violations]
    return []


def _values(words: str) -> list[str | int]:
    """Give what a message about a broken rule names: quoted words, and numbers."""
    return [found[2] if found[1] else int(found[3]) for found in _WORDS.finditer(words)][:8]


def _field(descriptor: Descriptor, path: str) -> FieldDescriptor | None:
    field: FieldDescriptor | None = None
    current: Descriptor | None = descriptor
    for name in re.sub(r"\[[^\]]*\]", "", path).split("."):
        if current is None:
            return None
        field = current.fields_by_name.get(name)
        if field is None:
            return None
        current = field.message_type
    return field
