"""Metadata and status messages in the keys of the stub format, after the rules were applied."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.drafting.redaction.rules import REDACTED
from grpcmock.stubs.dump import literals, plain_value

if TYPE_CHECKING:
    from grpcmock.drafting.redaction.rules import Rules
    from grpcmock.status import Metadata


@dataclass(slots=True)
class RedactedMetadata:
    """Metadata as a stub writes it: keys with a value, or a list of them."""

    lists: dict[str, list[Any]] = field(default_factory=dict)
    key: dict[str, list[Any]] = field(default_factory=dict)
    """Tells it from others."""
    hidden: set[str] = field(default_factory=set)
    """Keys with values that rules have changed, so that a real server can't be held to them."""

    def add(self, key: str, value: Any, answer_key: Any = None, *, hidden: bool = False) -> None:
        if hidden:
            self.hidden.add(key)
        self.lists.setdefault(key, []).append(value)
        self.key.setdefault(key, []).append(value if answer_key is None else answer_key)

    @property
    def keys(self) -> dict[str, Any]:
        return {key: values[0] if len(values) == 1 else values for key, values in self.lists.items()}

    def __bool__(self) -> bool:
        return bool(self.lists)


class MetadataRedactor:
    """Applies rules to metadata, and counts what it leaves out."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.left_out: Counter[str] = Counter()
        """Keys of answers whose values were secret, and how often."""

    def answer(self, metadata: Metadata) -> RedactedMetadata:
        """Return headers or trailers. Secrets are left out, and what varies and has no template, too."""
        values = RedactedMetadata()
        for key, value in metadata:
            if (by := self._rules.of_metadata(key)) is None:
                values.add(key, *self._value(value), hidden=self.hides(value))
                continue
            what, rule = by
            if what == "redact":
                self.left_out[key] += 1
            elif rule is not None and rule.answer is not None:
                values.add(key, rule.answer, f"varies by {rule}")
        return values

    def _value(self, value: str | bytes) -> tuple[Any, Any]:
        if isinstance(value, bytes):
            if self._rules.has_patterns and self._rules.of_text(value.decode("utf-8", "replace")) is not None:
                return plain_value(REDACTED.encode()), None
            return literals(plain_value(value)), None
        return self.text(value)

    def text(self, text: str) -> tuple[Any, Any]:
        """Return a text as an answer, and what tells it from others: a value of metadata, or a status message."""
        by = self._rules.of_text(text) if self._rules.has_patterns else None
        if by is None:
            return literals(text), text
        what, rule, redacted = by
        if what == "redact":
            return literals(redacted), redacted
        return rule.answer if rule.answer is not None else literals(text), f"varies by {rule}"

    def hides(self, value: str | bytes) -> bool:
        """Whether a value is written in a way that no other value of a real server equals."""
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        by = self._rules.of_text(text) if self._rules.has_patterns else None
        return by is not None and (by[0] == "redact" or by[1].answer is None or isinstance(value, bytes))

    def pattern(self, key: str, metadata: Metadata) -> Any:
        """Return a pattern for the values of a key in a request."""
        values = [plain_value(value) for name, value in metadata if name == key]
        if not values:
            return {"$exists": False}
        if (by := self._rules.of_metadata(key)) is not None:
            return dict((by[1] and by[1].request) or {"$exists": True})
        if self._rules.has_patterns and any(self._rules.of_text(value) is not None for value in values):
            return {"$exists": True}
        return values[0] if len(values) == 1 else {"$and": values}
