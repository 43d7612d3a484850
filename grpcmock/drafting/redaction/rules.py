"""Rules of a recording: what is secret, and what varies, by metadata keys, field paths and patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from typing import TYPE_CHECKING, Any, Literal

import yaml

from grpcmock.errors import ConfigError, did_you_mean
from grpcmock.regex import compile_regex
from grpcmock.schema.fields import table
from grpcmock.secret_keys import is_secret

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.schema import Registry

On = Literal["metadata", "field", "pattern"]

_SECRET_FIELD = re.compile(
    r"(?i)(^|_)(password|passwd|passphrase|secret|credential|credentials|private_?key|api_?key|access_?token"
    r"|refresh_?token|id_?token|auth_?token|session_?token|otp|cvv|pin)($|_)"
)
"""Names of fields that sound secret: they are written, since some only sound so, but pointed out."""

_ON: tuple[On, ...] = ("metadata", "field", "pattern")
_SHORT = {"now": "{{ now() }}", "uuid": "{{ uuid() }}"}
_PATTERN_VALUE = re.compile(r"=(now|uuid|\{\{.*\}\})$", re.DOTALL)


@dataclass(slots=True, eq=False)
class Rule:
    """One rule, as it was written, and how often it has fitted."""

    text: str
    """As the option has it: ``metadata:x-api-key``."""
    option: str
    on: On
    pattern: Any
    """A compiled regular expression: for metadata and fields one that must fit the whole, else one that is sought."""
    is_bare: bool = False
    """Of a field: whether a name alone was written, which holds in every message."""
    answer: str | None = None
    """What stands in answers instead, a template; None where nothing was said."""
    request: Mapping[str, Any] | None = None
    """What a request is held to there, an operator mapping; None where nothing was said."""
    hits: int = 0

    def __str__(self) -> str:
        return f"{self.option} {self.text!r}"


Treatment = Literal["redact", "vary"]
Found = tuple[Treatment, Rule | None]
"""What is to be done, and which rule says so; None for one that holds without being asked for."""


@dataclass(slots=True, eq=False)
class Rules:
    """All rules of a recording."""

    redact: list[Rule] = field(default_factory=list)
    varying: list[Rule] = field(default_factory=list)
    _fields: dict[tuple[str, str], Found | None] = field(default_factory=dict)

    @classmethod
    def parse(cls, redact: Iterable[str] = (), ignore_varying: Iterable[str] = ()) -> Rules:
        """Read rules as the options ``--redact`` and ``--ignore-varying`` have them.

        ``metadata:KEY``, ``field:PATH``, ``pattern:REGEX``; a key and a path may hold ``*`` and ``?``. A path is the
        name of a field alone, or begins with the full name of a message type. A rule of ``--ignore-varying`` may end in
        ``=TEMPLATE``,
        ``=now``, ``=uuid``, or, for requests, in ``={$operator: …}``.

        Raises :class:`ConfigError` with all that is wrong.
        """
        wrong: list[str] = []
        rules = cls(
            list(_read("--redact", redact, wrong, varying=False)),
            list(_read("--ignore-varying", ignore_varying, wrong, varying=True)),
        )
        if wrong:
            raise ConfigError("\n".join(wrong))
        return rules

    # What they say --------------------------------------------------------------------------------

    def of_metadata(self, key: str) -> Found | None:
        """Return what is to be done with the values of a metadata key; None if nothing is."""
        for rule in self.redact:
            if rule.on == "metadata" and rule.pattern.match(key):
                rule.hits += 1
                return "redact", rule
        if is_secret(key):
            return "redact", None
        for rule in self.varying:
            if rule.on == "metadata" and rule.pattern.match(key):
                rule.hits += 1
                return "vary", rule
        return None

    def of_field(self, owner: str, name: str, path: str, descriptor: FieldDescriptor | None) -> Found | None:
        """Return what is to be done with a field *name* of the type *owner*, at *path* from the outermost type."""
        key = f"{owner}.{name}", path
        if key not in self._fields:
            self._fields[key] = self._of_field(*key, name, descriptor)
        found = self._fields[key]
        if found is not None and found[1] is not None:
            found[1].hits += 1
        return found

    def _of_field(self, full_name: str, path: str, name: str, descriptor: FieldDescriptor | None) -> Found | None:
        def fits(rule: Rule) -> bool:
            names = (name,) if rule.is_bare else (full_name, path)
            return rule.on == "field" and any(map(rule.pattern.match, names))

        if (rule := next(filter(fits, self.redact), None)) is not None:
            return "redact", rule
        if descriptor is not None and descriptor.GetOptions().debug_redact:
            return "redact", None
        if (rule := next(filter(fits, self.varying), None)) is not None:
            return "vary", rule
        return None

    def of_text(self, text: str) -> tuple[Treatment, Rule, str] | None:
        """Return what is to be done with a text, by which rule, and what it becomes; None if nothing is."""
        redacted = text
        by = None
        for rule in self.redact:
            if rule.on == "pattern" and rule.pattern.search(redacted):
                rule.hits += 1
                by = by or rule
                redacted = rule.pattern.replace(redacted, REDACTED)
        if by is not None:
            return "redact", by, redacted
        for rule in self.varying:
            if rule.on == "pattern" and rule.pattern.search(text):
                rule.hits += 1
                return "vary", rule, text
        return None

    @property
    def has_patterns(self) -> bool:
        return any(rule.on == "pattern" for rule in (*self.redact, *self.varying))

    # What they did --------------------------------------------------------------------------------

    def unused(self, registry: Registry) -> list[str]:
        """Name the rules that fitted nothing, each with the nearest field where there is none of the name."""
        found = []
        for rule in (*self.redact, *self.varying):
            if not rule.hits:
                hint = _nearest_field(rule, registry) if rule.on == "field" else ""
                found.append(f"{rule} matched nothing that was recorded. {hint}".rstrip())
        return found


REDACTED = "REDACTED"
"""What stands for a secret text."""


def sounds_secret(field_name: str) -> bool:
    return _SECRET_FIELD.search(field_name) is not None


def _read(option: str, texts: Iterable[str], wrong: list[str], *, varying: bool) -> Iterable[Rule]:
    for text in texts:
        on, colon, rest = text.partition(":")
        if not colon or on not in _ON or not rest:
            hint = did_you_mean(on, _ON) if colon and on not in _ON else ""
            example = "--ignore-varying field:*.created_at=now" if varying else "--redact field:*.password"
            known = "A rule is metadata:KEY, field:PATH or pattern:REGEX"
            wrong.append(f"{option} {text!r}: {known}, such as {example}. {hint}".rstrip())
            continue
        value: str | None = None
        if varying and on == "pattern":
            if (found := _PATTERN_VALUE.search(rest)) is not None:
                rest, value = rest[: found.start()], found[1]
        elif varying:
            rest, equals, after = rest.partition("=")
            value = after if equals else None
        try:
            rule = Rule(text, option, on, _compile(on, rest.strip()), "." not in rest)
            if value is not None:
                rule.answer, rule.request = _value(value.strip())
        except ValueError as error:
            wrong.append(f"{option} {text!r}: {error}")
            continue
        yield rule


def _compile(on: str, written: str) -> Any:
    if on == "pattern":
        try:
            return compile_regex(written)
        except ValueError as error:
            raise ValueError(f"{written!r} is no regular expression: {error}.") from None
    if not written:
        raise ValueError("a key or a path is missing.")
    return re.compile(translate(written.lower() if on == "metadata" else written))


def _value(written: str) -> tuple[str | None, Mapping[str, Any] | None]:
    """Read what stands behind ``=``: a template for answers, or operators for requests."""
    if written in _SHORT:
        return _SHORT[written], None
    if written.startswith("{") and not written.startswith(("{{", "{%")):
        try:
            mapping = yaml.safe_load(written)
        except yaml.YAMLError:
            mapping = None
        if not isinstance(mapping, dict) or not all(str(key).startswith("$") for key in mapping):
            raise ValueError(f"{written!r} is no operator, such as {{$gt: 0}}.")
        return None, mapping
    return written, None


def _nearest_field(rule: Rule, registry: Registry) -> str:
    types = map(registry.message, registry.message_names())
    names = {name for message in types for name in _field_names(message.DESCRIPTOR)}
    written = rule.text.removeprefix("field:").partition("=")[0]
    if rule.is_bare:
        names = {name.rpartition(".")[2] for name in names}
    if any(map(rule.pattern.match, names)):
        return ""
    return f"No message type has such a field. {did_you_mean(written, names)}"


def _field_names(descriptor: Any) -> list[str]:
    return [f"{descriptor.full_name}.{found.name}" for found in table(descriptor).by_number.values()]
