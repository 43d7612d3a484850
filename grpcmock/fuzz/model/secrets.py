"""What the user gave in confidence, kept out of all that is written or printed."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.model.callers import metadata_of
from grpcmock.fuzz.model.cases import Caller

if TYPE_CHECKING:
    from grpcmock.status import Metadata

_SHORTEST = 4
"""Characters: shorter values are no secrets, and would be found everywhere."""

_PLAIN = frozenset({"true", "false", "null", "none", "bearer", "basic"})


def variable(key: str, *, other: bool = False) -> str:
    """Name the environment variable that stands for the value of a key of metadata: ``AUTHORIZATION``."""
    name = "".join(one if one.isalnum() else "_" for one in key.upper())
    return f"OTHER_{name}" if other else name


class Secrets:
    """The values of ``-H`` and ``--second-identity``. Where one turns up in a text, its variable is written."""

    def __init__(self, own: Metadata = (), other: Metadata = (), *, public: Iterable[str] = ()) -> None:
        """Take the metadata of the run and of the second identity. What is part of a *public* word, such as the name of
        a method, is no secret."""
        words = "\n".join(public).lower()
        found: dict[str, str] = {}
        garbled = metadata_of(Caller.GARBLED, own)
        for pairs, is_other in ((own, False), (garbled, False), (other, True)):
            for key, value in pairs:
                for form in _forms(value):
                    if form.lower() not in words:
                        found.setdefault(form, f"${{{variable(key, other=is_other)}}}")
        self._found = tuple(sorted(found.items(), key=lambda item: -len(item[0])))

    def hide(self, text: str) -> str:
        """Write a text without any of the values."""
        for value, name in self._found:
            if value in text:
                text = text.replace(value, name)
        return text

    def hidden(self, tree: Any) -> Any:
        """Give plain values, as JSON has them, with all texts so written."""
        if not self._found:
            return tree
        if isinstance(tree, str):
            return self.hide(tree)
        if isinstance(tree, dict):
            return {key: self.hidden(value) for key, value in tree.items()}
        if isinstance(tree, (list, tuple)):
            return [self.hidden(value) for value in tree]
        return tree


def _forms(value: str | bytes) -> Iterator[str]:
    """Yield the ways in which a value may turn up: whole, without its scheme, as base64, as hex."""
    whole = value.decode("latin-1") if isinstance(value, bytes) else value
    scheme, _, rest = whole.partition(" ")
    for text in (whole, *([rest] if rest and scheme.isalpha() else [])):
        if len(text) >= _SHORTEST and text.lower() not in _PLAIN:
            yield text
            yield base64.b64encode(text.encode("latin-1", "replace")).decode()
            yield text.encode("latin-1", "replace").hex()
