"""The terms of the contract beyond the protos: what a run may take for granted, and may check against a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.rule_presence import rule_presence

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.expectations.links import Links
    from grpcmock.schema import Method, Registry

DEFAULT_LIMIT = 4 << 20
"""The largest message that gRPC libraries take unless told otherwise, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """What checks are checked under. Mappings go from patterns of method names (``user.UserService/*``) to values."""

    registry: Registry

    allowed: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """The status codes that methods may answer with, besides OK; a method with none is checked leniently."""

    reflected: bool = False
    """Whether the registry is what the server itself says by reflection."""

    max_latency: float = 1.0
    """Seconds that an answer may take."""

    max_message_bytes: int = DEFAULT_LIMIT
    """The largest request that the server must take."""

    status_fields: Mapping[str, str] = field(default_factory=dict)
    """Where responses tell an error in their body: ``{"*": "status.error_code"}``."""

    credentials: bool = False
    """Whether the run sends credentials, so that a call without them must be refused."""

    open_ended: frozenset[str] = frozenset()
    """The paths of methods whose streams end only when the client goes."""

    links: Links | None = None
    """What was written down of how methods belong together; it wins over what their names say."""

    documented: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """The codes that comments, stubs and conventions mention, by the full names of methods."""

    def has_rules(self, descriptor: Descriptor) -> bool:
        """Whether the contract states rules for a message of this type: constraints, or what its fields must hold."""
        return rule_presence(descriptor).rules

    def has_constraints(self, descriptor: Descriptor) -> bool:
        """Whether there are constraints of protovalidate for a message of this type, or one inside it."""
        return rule_presence(descriptor).constraints

    def allows(self, method: Method) -> frozenset[int] | None:
        """Give the codes that a method may answer with; None if the contract doesn't say."""
        if (exact := self.allowed.get(method.full_name)) is not None:
            return exact
        fitting = [codes for pattern, codes in self.allowed.items() if fnmatchcase(method.full_name, pattern)]
        return frozenset().union(*fitting) if fitting else None

    def status_field(self, method: Method) -> str:
        """Give the path of the field by which a method's responses tell errors; empty if there is none."""
        if (exact := self.status_fields.get(method.full_name)) is not None:
            return exact
        fitting = (path for pattern, path in self.status_fields.items() if fnmatchcase(method.full_name, pattern))
        return next(fitting, "")
