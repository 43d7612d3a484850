"""What the fields of one message have in common: a person, a place, a price list, an order of events in time."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from grpcmock.synthesis import words

if TYPE_CHECKING:
    from grpcmock.synthesis.keyed_random import KeyedRandom

_FIRST_DAY = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
_DAY = 86_400

_PERSON = words.group(
    "user person people customer author employee member contact patient student owner profile guest passenger driver "
    "player account subscriber teacher doctor recipient sender buyer seller applicant candidate reviewer"
)
_COMPANY = words.group("company organization organisation org employer business vendor supplier merchant brand")
_PRODUCT = words.group("product item article sku goods variant")
_PLACE = words.group("city place location town")

_PAST_STEPS: tuple[tuple[frozenset[str], int], ...] = (
    (words.group("update updated modify modified modification changed edited last synced seen login"), 4),
    (words.group("end ended finish finished completed complete completion closed stop until to resolved"), 3),
    (words.group("delivered delivery shipped processed received arrival arrived"), 2),
    (words.group("paid confirmed accepted approved activated sent assigned verified published departure"), 1),
)
_FUTURE = words.group("expire expires expiry expiration expiring renewal due deadline eta next until estimated")
_NEVER = words.group(
    "delete deleted deletion removed purge purged archived cancelled canceled cancellation revoked expired failed "
    "suspended blocked banned disabled"
)
_BIRTH = words.group("birth birthday birthdate born dob")


class MessageContext:
    """The common ground of a message. ``known`` holds texts that are settled already, by field name."""

    def __init__(
        self,
        random: KeyedRandom,
        about: frozenset[str],
        known: dict[str, str],
        ordinal: int = 0,
        series: KeyedRandom | None = None,
        around: MessageContext | None = None,
        *,
        apart: bool = False,
    ) -> None:
        self.random = random
        self._around = around
        self._apart = apart
        self.series = series or random
        """What all messages of the same list or stream draw from."""

        self.about = about
        """Words that say what the message is about: of its type, and of the field that holds it."""

        self.known = known
        self.ordinal = ordinal
        """The place of the message in its list or stream, from 0."""

    @cached_property
    def _full_name(self) -> tuple[str, str]:
        """First and last name; those that are known, or that a known full name or e-mail address suggests."""
        random = self.random.child("person")
        first, last = random.choice(words.FIRST_NAMES), random.choice(words.LAST_NAMES)
        known = self.known
        for key in ("full_name", "display_name", "name"):
            parts = known.get(key, "").split()
            if parts and "/" not in known[key]:
                first, last = parts[0], parts[-1] if len(parts) > 1 else last
                break
        return (
            known.get("first_name") or known.get("given_name") or first,
            known.get("last_name") or known.get("family_name") or known.get("surname") or last,
        )

    @property
    def first_name(self) -> str:
        return self._full_name[0]

    @property
    def last_name(self) -> str:
        return self._full_name[1]

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def mailbox(self) -> str:
        """The name as the local part of an e-mail address, ASCII letters and a dot: ``alice.johnson``."""
        parts = ("".join(c for c in part.lower() if c.isascii() and c.isalnum()) for part in self._full_name)
        return ".".join(filter(None, parts)) or "someone"

    @cached_property
    def place(self) -> words.Place:
        """The place of this message: one that fits a known city, country or currency; a part's is that of the whole."""
        if self._around is not None and not self._apart:
            return self._around.place
        known = set(self.known.values())
        fitting = [
            place for place in words.PLACES if known & {place.city, place.country, place.country_code, place.currency}
        ]
        return self.random.child("place").choice(fitting or words.PLACES)

    @property
    def currency(self) -> str:
        """The currency of all prices in the whole answer."""
        return self._around.currency if self._around is not None else self.place.currency

    @cached_property
    def company(self) -> str:
        random = self.random.child("company")
        return f"{random.choice(words.NOUNS).capitalize()} {random.choice(words.COMPANY_ENDINGS)}"

    @cached_property
    def title(self) -> str:
        random = self.random.child("title")
        return f"{random.choice(words.ADJECTIVES).capitalize()} {random.choice(words.NOUNS).capitalize()}"

    @property
    def slug(self) -> str:
        return self.title.lower().replace(" ", "-")

    @property
    def name(self) -> str:
        """The name of whatever the message is about."""
        if self.about & _PERSON:
            return self.full_name
        if self.about & _COMPANY:
            return self.company
        if self.about & _PRODUCT:
            return self.random.child("product").choice(words.THINGS)
        if self.about & _PLACE:
            return self.place.city
        if "country" in self.about:
            return self.place.country
        return self.title

    @cached_property
    def created(self) -> int:
        """When the story of this message begins, in seconds since 1970: a time in 2024, in working hours."""
        random = self.random.child("created")
        return _FIRST_DAY + random.below(300) * _DAY + random.between(8 * 3600, 17 * 3600)

    def moment(self, tokens: frozenset[str]) -> int | None:
        """Place an event by the words of its name, in seconds since 1970; None for what has not happened.

        What is created comes before what is paid, delivered, ended and updated; what expires lies in the 2030s.
        """
        random = self.random.child("moment")
        if tokens & _BIRTH:
            return -random.between(0, 9) * 365 * _DAY + random.between(0, 10_000) * _DAY
        if tokens & _NEVER:
            return None
        if tokens & _FUTURE:
            return self.created + random.between(3_800, 4_100) * _DAY
        step = next((step for names, step in _PAST_STEPS if tokens & names), 0)
        return self.created + sum(random.between(3_600, 3 * _DAY) for _ in range(step))
