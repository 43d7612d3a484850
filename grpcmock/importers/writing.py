"""Writing: drafts as YAML that people read, a file for each service, with what was noted as comments."""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from typing import TYPE_CHECKING

from grpcmock.stubs.dump import plain_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grpcmock.importers.draft import Draft

_WIDTH = 100
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def by_service(drafts: Iterable[Draft]) -> dict[str, list[Draft]]:
    """Group drafts by their services, in the order in which these come."""
    found: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        found[draft.service].append(draft)
    return found


def to_text(drafts: Sequence[Draft], source: str) -> str:
    """Write drafts as one file of stubs; *source* says where they come from."""
    parts = [f"# Imported by grpcmock from {source}.\n"]
    for draft in drafts:
        comments = "".join(f"{line}\n" for text in draft.comments for line in _wrapped(text))
        parts.append(comments + plain_yaml([draft.ordered()]))
    return "\n".join(parts)


def _wrapped(text: str) -> list[str]:
    text = _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], text)
    lines = [line for paragraph in text.splitlines() for line in textwrap.wrap(paragraph, _WIDTH)]
    return [f"# {line}" for line in lines]
