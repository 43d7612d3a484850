"""Words for the states of things in a contract, and what is known to be so of a thing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.naming import participle, words_for
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.expectations.state_conditions import plain
from grpcmock.fuzz.resources.differences import is_set, shown_as
from grpcmock.fuzz.resources.evidence import may_end_by_itself
from grpcmock.fuzz.resources.fields import all_fields
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.state_conditions import Condition
    from grpcmock.schema import Method, Registry

_STATE = re.compile(r"(.*_)?(state|status|phase|stage|lifecycle)")
_TIME = re.compile(r"(?P<done>[a-z]+(?:ed|en|id|nt|ne))_(?:at|time|on)")
_PASSING = re.compile(
    r".*ing|queued|scheduled|unknown|unspecified|active|live|ready|new|available|expired|due|late|overdue|processed"
    r"|created|accepted|submitted|requested|initiated|enqueued|in (?:progress|review|transit)|initial|unset|none|leased"
)
"""States that end, or begin, by themselves."""

_NOW = re.compile(
    r"(?:is )?(?:re)?open|drafts?|(?:on )?hold|idle|empty|public|private|hidden|free|busy|full|vacant|online|offline|up"
    r"|down|on|off|enabled|disabled|locked|unlocked|paused|suspended|frozen|muted|blocked|healthy|unhealthy|default|normal"
)
"""Words for what is so now, or isn't. Others are for what was done: what is delivered is paid still, though its state
isn't ``PAID`` any more."""

OVER = frozenset(
    (
        *("canceled", "closed", "done", "completed", "finished", "archived", "deleted", "removed", "ended", "failed"),
        *("rejected", "resolved", "voided", "void", "settled", "terminated", "stopped", "revoked", "dismissed"),
        *("disabled", "deactivated", "withdrawn", "abandoned", "declined", "succeeded", "returned", "refunded"),
    )
)
"""States in which there is no more to do: refusals may call one by the name of another."""

_NO_STATES = frozenset(
    (
        *("allowed", "permitted", "authorized", "supported", "required", "set", "given", "specified", "provided"),
        *("implemented", "found", "updated", "changed", "modified", "edited", "put", "patched", "saved", "written"),
        *(
            "made",
            "added",
            "moved",
            "renamed",
            "used",
            "needed",
            "known",
            "read",
            "seen",
            "touched",
            "listed",
            "shared",
        ),
    )
)
"""What may be done again and again, or is said of callers and requests as well."""


@dataclass(slots=True)
class Known:
    """What is known to be so of a thing, and what isn't."""

    holds: set[str] = field(default_factory=set)
    fails: set[str] = field(default_factory=set)
    ahead: set[str] = field(default_factory=set)
    """What isn't so, and wasn't before, as far as states go in their order."""

    first: set[str] = field(default_factory=set)
    """What all such things begin with."""

    scope: dict[str, Any] = field(default_factory=dict)
    """What else it was named by, and names: it may have its key within a project only."""

    message: Message | None = None
    """How it was shown."""

    told: str = ""
    """How it is known: ``state CLOSED``."""

    @property
    def may_end(self) -> bool:
        """Whether it says of itself that something of it holds for a time."""
        return may_end_by_itself(self.message)

    @property
    def is_passing(self) -> bool:
        """Whether it is in a state that ends by itself."""
        return any(map(_PASSING.fullmatch, self.holds))

    def is_as(self, condition: Condition) -> bool | None:
        """Whether a condition is met; None if that isn't known."""
        if self.is_passing:
            return None
        if self.holds & condition.states:
            return not condition.is_unless
        now = self.ahead | (self.first if condition.is_unless else set())
        fails = {word for word in self.fails if word in now or _NOW.fullmatch(word)}
        return condition.is_unless if condition.states <= fails else None


def heard(message: Message, *, is_whole: bool) -> Known:
    """Return what a message says of a thing. Where it may be there with some of its fields alone, what lacks says
    nothing."""
    descriptor: Any = message.DESCRIPTOR
    known = Known(message=message)
    for one in states_of(descriptor):
        if not is_whole and not is_set(message, one):
            continue
        words = {plain(word): number for number, word in words_of(one).items()}
        if one.enum_type is None and any(map(_PASSING.fullmatch, words)):
            continue  # that it was created once says nothing of how it is
        content = getattr(message, one.name)
        number = content if one.message_type is None else int(message.HasField(one.name))
        holding = {word for word, own in words.items() if own == number}
        known.holds |= holding
        known.fails |= words.keys() - holding
        known.ahead |= {word for word, own in words.items() if own > number}
        if one.enum_type is not None:
            begins = [word for word in words if not _PASSING.fullmatch(word)]
            known.first |= {word for word in begins[:1] if words[word] <= 1}
        if holding:
            known.told += f"{', ' if known.told else ''}{one.name} {shown_as(one, content)}"
    known.fails -= known.holds
    known.ahead -= known.holds
    return known


@lru_cache(16)
def vocabulary(registry: Registry) -> frozenset[str]:
    """Return the words for states in a contract: values of enums, fields that are true or have a time, and what its
    methods do."""
    words: set[str] = set()
    for method in registry.methods.values():
        if not only_reads(method):
            words.add(done_by(method))
        for one in all_fields(method.output):
            if one in states_of(one.containing_type):
                words |= {plain(word) for word in words_of(one).values()}
    return frozenset(word for word in words - _NO_STATES if word and not _PASSING.fullmatch(word))


@lru_cache(4096)
def states_of(descriptor: Descriptor) -> tuple[FieldDescriptor, ...]:
    """Return the fields of a type that tell a state: its only enum that is called so, times of what was done, and what
    is true or not."""
    enums = [one for one in descriptor.fields if one.enum_type is not None and not one.is_repeated]
    enums = [one for one in enums if _STATE.fullmatch(snake_case(one.name))]
    others = [
        one
        for one in descriptor.fields
        if not one.is_repeated
        and (
            (one.type == one.TYPE_BOOL and re.fullmatch(r"[a-z]+(ed|en|id)", one.name))
            or (
                one.message_type is not None
                and one.message_type.full_name == "google.protobuf.Timestamp"
                and _TIME.fullmatch(one.name)
            )
        )
    ]
    return (*(enums if len(enums) == 1 else ()), *others)


@lru_cache(1024)
def words_of(one: FieldDescriptor) -> dict[int, str]:
    """Return the words for the values of a field: of an enum its names, without what all of them begin with; of a
    switch or a time, by its own name, what is so where it's true, or there."""
    if one.enum_type is None:
        return {1: _TIME.sub(r"\g<done>", str(one.name))}
    return {value.number: words_for(value) for value in one.enum_type.values}


@lru_cache(4096)
def done_by(method: Method) -> str:
    """Return what a method does to things by its name: ``canceled`` for CancelOrder, ``checked in`` for CheckIn."""
    verb, particle, _ = _parts(method)
    return plain(f"{participle(verb)} {particle}" if particle else participle(verb))


def is_done_to(method: Method, thing: str) -> bool:
    """Whether a method does by its name what it does to a thing, rather than to something of it: ``CloseTicket``,
    ``CheckIn``; ``RemoveLine`` leaves the order there."""
    rest = _parts(method)[2]
    return not rest or rest == thing or thing.endswith(f"_{rest}")


def _parts(method: Method) -> tuple[str, str, str]:
    verb, _, rest = snake_case(method.name).partition("_")
    particle, _, more = rest.partition("_")
    return (verb, particle, more) if particle in ("in", "out", "off", "up") else (verb, "", rest)
