"""One way of writing bytes that are no message, or a non-canonical one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Bytes, and why they are as they are."""

    name: str
    """Short, and unique for one type and canonical message: ``tag-zero``, ``profile/varint-cut``."""

    why: str
    """In words: ``a varint that doesn't end``."""

    data: bytes

    canonical: bytes = b""
    """What it says, in the bytes that any library writes; of no meaning for what is no message."""

    path: Path = ()
    """The field or message that it is about; empty for the whole."""

    rule: str
    """The rule of the wire format: ``wire.varint``."""


def shown(path: Path) -> str:
    """Write a path: ``user.tags[1]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
