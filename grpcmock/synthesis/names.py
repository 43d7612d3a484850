"""Natural values by the name of a field: an ``email`` looks like one, a ``price`` is plausible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from grpcmock.synthesis import words
from grpcmock.synthesis.keyed_random import KeyedRandom
from grpcmock.synthesis.message_context import MessageContext

TextMaker = Callable[[MessageContext, KeyedRandom], str]
Span = tuple[float, float]
"""The least and the greatest plausible number."""

T = TypeVar("T")

_HEX = "0123456789abcdef"
_UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_BASE62 = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def digits(template: str, random: KeyedRandom) -> str:
    """Fill each ``#`` with a digit."""
    return "".join(str(random.below(10)) if char == "#" else char for char in template)


def uuid(_: MessageContext, random: KeyedRandom) -> str:
    """Give a random UUID, version 4."""
    raw = bytearray(random.bytes(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def email(context: MessageContext, _: KeyedRandom) -> str:
    return f"{context.mailbox}@{words.DOMAINS[0]}"


def hostname(context: MessageContext, _: KeyedRandom) -> str:
    return f"{context.slug}.{words.DOMAINS[0]}"


def url(context: MessageContext, _: KeyedRandom) -> str:
    return f"https://{words.DOMAINS[0]}/{context.slug}"


def ipv4(_: MessageContext, random: KeyedRandom) -> str:
    """Give an address of the networks kept free for documentation (RFC 5737)."""
    return f"{random.choice(('192.0.2', '198.51.100', '203.0.113'))}.{random.between(1, 254)}"


def ipv6(_: MessageContext, random: KeyedRandom) -> str:
    """Give an address of the network kept free for documentation (RFC 3849)."""
    return f"2001:db8::{random.between(1, 0xFFFF):x}"


def sentence(_: MessageContext, random: KeyedRandom) -> str:
    return random.choice(words.SENTENCES)


def paragraph(_: MessageContext, random: KeyedRandom) -> str:
    first = random.below(len(words.SENTENCES))
    return " ".join(words.SENTENCES[(first + step) % len(words.SENTENCES)] for step in range(3))


def _of(*options: str) -> TextMaker:
    return lambda _, random: random.choice(options)


def _filled(template: str) -> TextMaker:
    return lambda _, random: digits(template, random)


def _hex(size: int) -> TextMaker:
    return lambda _, random: random.text(_HEX, size)


def _empty(_: MessageContext, __: KeyedRandom) -> str:
    return ""


def date_text(context: MessageContext, tokens: frozenset[str], *, whole: bool) -> str:
    """Give a moment as RFC 3339, or only its date; empty for what has not happened."""
    moment = context.moment(tokens)
    if moment is None:
        return ""
    written = datetime.fromtimestamp(moment, UTC)
    return written.strftime("%Y-%m-%dT%H:%M:%SZ") if whole else written.strftime("%Y-%m-%d")


def _table(rows: Mapping[str, T]) -> dict[str, T]:
    return {name: made for names, made in rows.items() for name in names.split()}


_TEXTS: dict[str, TextMaker] = _table(
    {
        "id uuid guid uid": uuid,
        "trace_id": _hex(32),
        "span_id": _hex(16),
        "sku": _filled("SKU-#####"),
        "order_number reference reference_number ref invoice_number": lambda _, c: digits("A2024-######", c),
        "serial_number serial": _filled("SN########"),
        "isbn": _filled("978316148410#"),
        "iban": _filled("GB82WEST############"),
        "card_number card_no pan": _of("4111111111111111"),
        "cvv cvc cvv2 cvc2 security_code": _of("123"),
        "tracking_number": _filled("1Z999AA1##########"),
        "hash sha256 checksum digest fingerprint": _hex(64),
        "sha1 commit commit_sha revision": _hex(40),
        "md5 etag": _hex(32),
        "token access_token refresh_token id_token session_token api_key secret jwt": lambda _, c: c.text(_BASE62, 40),
        "password": lambda _, c: c.text(_BASE62, 16),
        "page_token next_page_token prev_page_token previous_page_token cursor next_cursor previous_cursor "
        "continuation_token next_token address_line2 address_line_2 line2 line_2 street2 "
        "error error_message error_code errors failure_reason": _empty,
        "first_name given_name firstname forename": lambda s, _: s.first_name,
        "last_name family_name surname lastname": lambda s, _: s.last_name,
        "middle_name": lambda _, c: c.choice(words.FIRST_NAMES),
        "full_name fullname display_name user_full_name contact_name customer_name author_name owner_name "
        "holder_name person_name recipient_name": lambda s, _: s.full_name,
        "author owner sender recipient assignee creator created_by updated_by customer contact user manager "
        "reviewer reporter": lambda _, c: f"{c.choice(words.FIRST_NAMES)} {c.choice(words.LAST_NAMES)}",
        "name": lambda s, _: s.name,
        "username user_name login handle nickname screen_name": lambda s, _: s.mailbox,
        "email email_address mail": email,
        "phone phone_number e164_number telephone mobile mobile_number cell fax msisdn": lambda s, c: digits(
            s.place.phone, c
        ),
        "gender sex": _of("female", "male"),
        "job job_title position occupation profession": lambda _, c: c.choice(words.JOBS),
        "department": lambda _, c: c.choice(words.DEPARTMENTS),
        "role": lambda _, c: c.choice(words.ROLES),
        "company company_name organization organisation organization_name employer vendor brand manufacturer "
        "publisher supplier": lambda s, _: s.company,
        "address street_address address_line address_line1 address_line_1 line1 line_1 street street1": lambda s, c: (
            s.place.street.format(c.between(1, 180))
        ),
        "full_address formatted_address shipping_address billing_address location": lambda s, c: (
            f"{s.place.street.format(c.between(1, 180))}, {s.place.city}"
        ),
        "city town locality": lambda s, _: s.place.city,
        "province region county administrative_area": lambda s, _: s.place.region,
        "country country_name nationality": lambda s, _: s.place.country,
        "country_code region_code": lambda s, _: s.place.country_code,
        "postal_code zip zip_code zipcode postcode post_code": lambda s, _: s.place.postal_code,
        "timezone time_zone tz": lambda s, _: s.place.timezone,
        "language language_code lang": lambda s, _: s.place.language,
        "locale": lambda s, _: f"{s.place.language}-{s.place.country_code}",
        "currency currency_code": lambda s, _: s.currency,
        "latitude lat": lambda s, _: str(s.place.latitude),
        "longitude lng lon": lambda s, _: str(s.place.longitude),
        "url uri link href website homepage web_page": url,
        "avatar avatar_url photo photo_url picture picture_url image image_url thumbnail thumbnail_url icon_url "
        "logo_url": lambda s, _: f"https://{words.DOMAINS[0]}/images/{s.slug}.png",
        "host hostname domain server": hostname,
        "ip ip_address ipv4 remote_address client_ip": ipv4,
        "ipv6": ipv6,
        "mac mac_address": lambda _, c: "02:" + ":".join(c.text(_HEX, 2) for _ in range(5)),
        "port": _of("443", "8080", "8443"),
        "user_agent": _of("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0"),
        "path file_path": lambda s, _: f"/data/{s.slug}.txt",
        "file file_name filename": lambda s, _: f"{s.slug}.txt",
        "mime_type content_type media_type": _of("text/plain", "application/json", "image/png"),
        "extension": _of("txt", "json", "png"),
        "slug key code": lambda s, _: s.slug,
        "version": lambda _, c: f"{c.between(1, 4)}.{c.below(10)}.{c.below(10)}",
        "branch": _of("main"),
        "title headline subject product_name item_name display_title label_name": lambda s, _: s.title,
        "product item": lambda _, c: c.choice(words.THINGS),
        "description summary abstract bio about content body text details": paragraph,
        "message comment note notes caption tagline remark remarks reason feedback review answer": sentence,
        "tag label keyword topic": lambda _, c: c.choice(words.TAGS),
        "category genre group section": lambda _, c: c.choice(words.CATEGORIES),
        "type kind": _of("standard", "basic", "premium"),
        "color colour": lambda _, c: c.choice(words.COLORS),
        "status state": _of("active"),
        "priority severity level": _of("low", "medium", "high"),
        "size": _of("S", "M", "L"),
        "unit": _of("piece", "kg", "m"),
        "price amount total cost fee balance subtotal tax discount": lambda _, c: digits("1#.#9", c),
        "license_plate": lambda _, c: c.text(_UPPER, 2) + digits(" ####", c),
    }
)

_NUMBERS: dict[str, Span] = _table(
    {
        "id": (1, 9_999),
        "age": (19, 78),
        "year": (2024, 2024),
        "expiration_year expiry_year exp_year expires_year valid_until_year": (2034, 2034),
        "expiration_month expiry_month exp_month expires_month valid_until_month": (12, 12),
        "cvv cvc cvv2 cvc2": (123, 123),
        "month months": (1, 12),
        "day days": (1, 28),
        "hour hours": (0, 23),
        "minute minutes min second seconds": (0, 59),
        "nanos": (0, 0),
        "price cost fee amount balance subtotal total_price total_amount total_cost value units": (5, 250),
        "tax discount shipping": (1, 20),
        "salary income revenue budget": (30_000, 120_000),
        "currency": (1, 1),
        "quantity qty pieces": (1, 5),
        "stock inventory available": (10, 200),
        "rating stars score": (3, 5),
        "percent percentage progress completion": (10, 100),
        "ratio rate probability confidence fraction alpha red green blue": (0.05, 0.95),
        "page page_number": (1, 1),
        "page_size limit per_page max_results": (20, 20),
        "offset skip": (0, 0),
        "version revision": (1, 5),
        "priority rank level position index sequence order ordinal": (1, 9),
        "port": (8_000, 8_999),
        "status_code http_status http_status_code": (200, 200),
        "code": (100, 999),
        "error_count failed failures errors failure_count failed_count rejected skipped retries retry_count "
        "error error_code exit_code": (0, 0),
        "size bytes file_size size_bytes length content_length": (1_024, 65_536),
        "width height": (320, 1_920),
        "weight": (1, 90),
        "depth distance": (1, 50),
        "temperature": (12, 28),
        "humidity": (30, 70),
        "speed": (10, 120),
        "altitude elevation": (10, 900),
        "duration duration_ms latency latency_ms elapsed elapsed_ms response_time_ms timeout_ms": (20, 900),
        "timeout ttl ttl_seconds": (30, 300),
        "views likes downloads followers clicks plays": (50, 5_000),
        "floor floors rooms": (1, 9),
        "count total total_count total_size total_items created updated imported inserted processed": (3, 40),
        "accuracy radius": (5, 50),
    }
)

TEXTS_OF_TYPES: dict[str, TextMaker] = {
    "google.type.Decimal.value": _filled("1#.#9"),
    "google.type.TimeZone.id": lambda context, _: context.place.timezone,
    "google.type.TimeZone.version": _empty,
}
SPANS_OF_TYPES: dict[str, Span] = {
    "google.rpc.Status.code": (0, 0),
    "google.type.PostalAddress.revision": (0, 0),
    "google.type.Fraction.denominator": (2, 10),
    "google.type.Quaternion.w": (1, 1),
}
"""What is plausible in fields of common types whose names alone say too little."""

_YES = words.group(
    "active enabled available verified confirmed success successful ok valid healthy ready online visible public "
    "found exists accepted allowed acknowledged authenticated authorized live serving completed done"
)
_NO = words.group(
    "deleted archived disabled blocked banned suspended expired failed error cancelled canceled revoked hidden more "
    "next locked deprecated truncated dry test debug removed invalid retry"
)


def text_maker(name: str) -> TextMaker | None:
    """Find what makes texts for a field of this name (snake_case); None if the name tells nothing."""
    tokens = frozenset(name.split("_"))
    if made := _TEXTS.get(name):
        return made
    if name.endswith(("_at", "_time", "_timestamp", "_datetime")) or name in ("timestamp", "datetime", "created"):
        return lambda context, _: date_text(context, tokens, whole=True)
    if name.endswith(("_date", "_on", "birthday")) or name in ("date", "day", "dob"):
        return lambda context, _: date_text(context, tokens, whole=False)
    return next((_TEXTS[suffix] for suffix in _suffixes(name) if suffix in _TEXTS), None)


def span(name: str) -> Span | None:
    """Find the plausible numbers for a field of this name (snake_case); None if the name tells nothing."""
    found = next((_NUMBERS[suffix] for suffix in _suffixes(name) if suffix in _NUMBERS), None)
    return (0, 40) if found is None and name.endswith(("_count", "_total")) else found


def clock_unit(name: str) -> int | None:
    """Give how many units a second has, if a number of this name counts time since 1970; else None.

    >>> clock_unit("created_at"), clock_unit("updated_at_ms"), clock_unit("day")
    (1, 1000, None)
    """
    for ending, unit in (("", 1), ("_ms", 10**3), ("_millis", 10**3), ("_us", 10**6), ("_micros", 10**6)):
        stem = name.removesuffix(ending) if ending else name
        if name.endswith(ending) and (stem.endswith(("_at", "timestamp", "_epoch")) or stem in _CLOCKS):
            return unit
    return 10**9 if name.endswith(("_at_ns", "timestamp_ns", "_at_nanos", "timestamp_nanos")) else None


_CLOCKS = words.group("created updated create_time update_time created_time updated_time expires ts time")


def flag(name: str) -> bool | None:
    """Say whether a yes or a no is natural under this name; None if either is."""
    tokens = frozenset(name.split("_"))
    if tokens & _NO:
        return False
    return True if tokens & _YES else None


def _suffixes(name: str) -> Iterator[str]:
    """Yield a name, then what is left of it without its first word, and so on.

    >>> list(_suffixes("billing_zip_code"))
    ['billing_zip_code', 'zip_code', 'code']
    """
    while name:
        yield name
        _, _, name = name.partition("_")
