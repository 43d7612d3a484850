"""Names are free again once what had them is gone: a server that finds nothing by one doesn't call it taken.

The same requests show it, whatever they are about: made, found, taken away, not found, and then not made, for it is
there already, although it still isn't found. Servers that keep names for a while say so, in other words or with another
code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.differences import shown
from grpcmock.schema.method import MethodKind
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Resources

_KEPT = re.compile(
    r"recent|reserv|delet|remov|previous|was used|been used|histor|reus|again|former|tombston|purg|until|retention|days"
    r"|being|progress|pending|finali[sz]|terminat|archiv|expire",
    re.IGNORECASE,
)
"""Words by which a server says that it keeps names of what is gone, or that it isn't gone yet."""

_LATER = re.compile(r"(Operation|Job|Task|Workflow|Process)$")


@dataclass(slots=True)
class _Life:
    """One thing, from its making on."""

    made: Reply
    read: Reply | None = None
    """What has found it."""

    gone_by: Reply | None = None
    is_missed: bool = False
    """Whether the same read has found nothing since."""

    refused: Reply | None = None


@dataclass(slots=True)
class FreedNames:
    """Hears of the calls of a case, one after the other."""

    resources: Resources
    _life: _Life | None = None

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method, meant = reply.call.method, with_meant_status(reply)
        if (
            method is None
            or reply.call.raw is not None
            or method.kind is not MethodKind.UNARY
            or meant.termination is not Termination.SERVER
            or self._may_come_back(reply)
        ):
            self._life = None
            return
        life = self._life
        if only_reads(method):
            if life is not None:
                yield from self._read(life, meant)
        elif life is not None and life.gone_by is not None and _same(reply, life.made):
            is_taken = meant.code == Code.ALREADY_EXISTS and life.is_missed and _KEPT.search(meant.message) is None
            self._life = life if is_taken and life.refused is None else None
            life.refused = meant
        elif life is not None and life.gone_by is None and life.read is not None and meant.is_ok:
            life.gone_by = meant if not _LATER.search(method.output.name) else None
            self._life = life if life.gone_by is not None else None
        else:
            self._life = _Life(meant) if meant.is_ok else None

    def _may_come_back(self, reply: Reply) -> bool:
        """Whether a call deals with a resource that is deleted only so far as to be brought back."""
        known = self.resources.by_path.get(reply.call.path)
        return known is not None and known[0].operation(Role.UNDELETE) is not None

    def _read(self, life: _Life, reply: Reply) -> Iterator[Finding]:
        name = _named_by(life.made, reply)
        if name is None or (life.read is not None and not _same(reply, life.read)):
            return
        if life.gone_by is None:
            life.read = reply if reply.is_ok else None
        elif reply.code != Code.NOT_FOUND:
            self._life = None
        elif life.refused is None:
            life.is_missed = True
        else:
            by, making, reading = (one.call.method for one in (life.gone_by, life.made, reply))
            self._life = None
            if by is not None and making is not None and reading is not None:
                yield Finding(
                    check="use_after_delete",
                    expected=f"{making.name} to be taken again after {by.name}: {reading.name} finds no {shown(name)}",
                    actual=said(life.refused),
                    key=f"not free after {by.name}",
                    method=by,
                    may_lag=True,
                )


def _same(one: Reply, other: Reply) -> bool:
    return one.call.path == other.call.path and one.call.messages == other.call.messages


def _named_by(made: Reply, reply: Reply) -> Any:
    """Return the only thing that a read asks for, if what was made was given it; None otherwise."""
    maker, reader = made.call.method, reply.call.method
    if maker is None or reader is None or not made.call.messages or not reply.call.messages:
        return None
    given = maker.request_class.FromString(made.call.messages[0])
    asked = reader.request_class.FromString(reply.call.messages[0]).ListFields()
    if len(asked) != 1:
        return None
    ((_, name),) = asked
    if isinstance(name, bool | float) or not isinstance(name, str | bytes | int | Message):
        return None
    held = (value for inner in messages_in(given) for _, value in inner.ListFields())
    return name if any(type(value) is type(name) and value == name for value in held) else None
