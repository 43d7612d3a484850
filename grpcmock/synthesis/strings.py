"""Strings and bytes within their rules: formats, patterns, lengths, and the pieces they must hold."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.regex import Regex, compile_regex
from grpcmock.synthesis import names, regex, words

if TYPE_CHECKING:
    from grpcmock.synthesis.keyed_random import KeyedRandom
    from grpcmock.synthesis.message_context import MessageContext

_MOST = 1 << 20
"""No string is made longer than this, whatever its rules ask."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _ipv4_prefix(_: MessageContext, random: KeyedRandom) -> str:
    return f"{random.choice(('192.0.2', '198.51.100', '203.0.113'))}.0/24"


def _ipv6_prefix(_: MessageContext, random: KeyedRandom) -> str:
    return f"2001:db8:{random.between(1, 0xFFFF):x}::/48"


_FORMATS: dict[str, names.TextMaker] = {
    "email": names.email,
    "hostname": names.hostname,
    "address": names.hostname,
    "ip": names.ipv4,
    "ipv4": names.ipv4,
    "ipv6": names.ipv6,
    "uri": names.url,
    "uri_ref": names.url,
    "uuid": names.uuid,
    "tuuid": lambda context, random: names.uuid(context, random).replace("-", ""),
    "ulid": lambda _, random: "01" + random.text(_CROCKFORD, 24),
    "ip_with_prefixlen": lambda _, random: f"{names.ipv4(_, random)}/24",
    "ipv4_with_prefixlen": lambda _, random: f"{names.ipv4(_, random)}/24",
    "ipv6_with_prefixlen": lambda _, random: f"{names.ipv6(_, random)}/64",
    "ip_prefix": _ipv4_prefix,
    "ipv4_prefix": _ipv4_prefix,
    "ipv6_prefix": _ipv6_prefix,
    "host_and_port": lambda context, random: f"{names.hostname(context, random)}:{random.between(8000, 8999)}",
    "protobuf_fqn": lambda _, random: f"{random.choice(words.NOUNS)}.v1.{random.choice(words.NOUNS).capitalize()}",
    "protobuf_dot_fqn": lambda _, random: f".{random.choice(words.NOUNS)}.v1.{random.choice(words.NOUNS).capitalize()}",
    "UUID4": names.uuid,
    "IPV4": names.ipv4,
    "IPV6": names.ipv6,
    "IPV4_OR_IPV6": names.ipv4,
}
_HEADER_NAME, _HEADER_VALUE = 1, 2
_BYTE_FORMATS = {"ip": 4, "ipv4": 4, "ipv6": 16, "uuid": 16}


def text(
    rules: Mapping[str, Any],
    context: MessageContext,
    random: KeyedRandom,
    *,
    maker: names.TextMaker | None = None,
    format_name: str = "",
    patterns: tuple[str, ...] = (),
    empty: bool = True,
    skip: int = 0,
) -> str:
    """Make a string that keeps *rules*: a natural one if *maker* gives one that does.

    *patterns* are resource names to fill in; *empty* says whether the empty string will do; *skip* passes over as
    many fitting strings, for a caller to whom they were not good enough after all.
    """
    if "const" in rules:
        return str(rules["const"])
    if not rules and not skip:
        made = _natural(context, random, maker, format_name, patterns)
        if made or (empty and made is not None):
            return made
    last = ""
    for last in _candidates(rules, context, random, maker, format_name, patterns):
        if (last or empty) and fits(rules, last):
            if not skip:
                return last
            skip -= 1
    return last


def fits(rules: Mapping[str, Any], value: str) -> bool:
    """Say whether a string keeps its rules; formats such as ``email`` are left to the validator."""
    size, encoded = len(value), len(value.encode("utf-8", "surrogatepass"))
    if not (
        rules.get("min_len", 0) <= size <= rules.get("max_len", size)
        and rules.get("min_bytes", 0) <= encoded <= rules.get("max_bytes", encoded)
        and size == rules.get("len", size)
        and encoded == rules.get("len_bytes", encoded)
    ):
        return False
    if not (
        value.startswith(rules.get("prefix", ""))
        and value.endswith(rules.get("suffix", ""))
        and rules.get("contains", "") in value
        and value not in rules.get("not_in", ())
        and ("in" not in rules or value in rules["in"])
    ):
        return False
    if "not_contains" in rules and rules["not_contains"] in value:
        return False
    return "pattern" not in rules or _matches(rules["pattern"], value)


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or bool(compiled.search(value))


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Regex | None:
    """Give a compiled expression; None for what is none: that is for the validator to say."""
    try:
        return compile_regex(pattern)
    except ValueError:
        return None


def _natural(
    context: MessageContext,
    random: KeyedRandom,
    maker: names.TextMaker | None,
    format_name: str,
    patterns: tuple[str, ...],
) -> str | None:
    if format_name:
        return _FORMATS[format_name](context, random)
    if patterns:
        return resource_name(patterns[0], random)
    return maker(context, random) if maker else f"{random.choice(words.ADJECTIVES)} {random.choice(words.NOUNS)}"


def _candidates(
    rules: Mapping[str, Any],
    context: MessageContext,
    random: KeyedRandom,
    maker: names.TextMaker | None,
    format_name: str,
    patterns: tuple[str, ...],
) -> Iterator[str]:
    """Yield strings that may keep the rules, the most natural first."""
    yield from _drawn(list(rules.get("in", ())), random)
    yield from _drawn([example for example in rules.get("example", ()) if example], random)
    asked = next((name for name in _FORMATS if rules.get(name) is True), "")
    regular = rules.get("pattern")
    if asked or format_name:
        yield from _of_format(asked or format_name, context, random, _longest(rules))
    elif rules.get("well_known_regex") == _HEADER_NAME:
        yield from (f"x-{random.choice(words.NOUNS)}" for _ in range(3))
    if not asked:
        natural = _natural(context, random, maker, "", patterns)
        if natural:
            yield from _fitted(natural, rules, random)
        if maker and natural:
            yield from (variant for _ in range(3) for variant in _fitted(maker(context, random), rules, random))
    if regular:
        for example in regex.examples(regular, random, _shortest(rules), _longest(rules)):
            yield example
            yield _joined(rules, example)
    for _ in range(20):
        word = f"{random.choice(words.ADJECTIVES)} {random.choice(words.NOUNS)}"
        yield from _fitted(word, rules, random)
        yield from _fitted(random.text(_LETTERS, 3), rules, random)


def _of_format(name: str, context: MessageContext, random: KeyedRandom, longest: float) -> Iterator[str]:
    """Yield values of a format; short ones, too, where there is little room."""
    made = _FORMATS[name](context, random)
    if len(made) <= longest:
        yield made
    if name in ("ip", "IPV4_OR_IPV6"):
        yield names.ipv6(context, random)
    if name == "email":
        yield from (f"{context.mailbox[: random.between(1, 8)].strip('.')}@{d}" for d in words.DOMAINS)
    for _ in range(8):
        letters = random.text(_LETTERS, 1 if longest < 12 else random.between(2, 8))
        match name:
            case "email":
                yield f"{letters}@{random.text(_LETTERS, 1)}.io"
            case "hostname" | "address":
                yield f"{letters}.io"
                yield letters
            case "uri":
                yield f"http://{letters}.io"
                yield f"a:{letters}"
            case "uri_ref":
                yield f"/{letters}"
                yield letters
            case "host_and_port":
                yield f"{letters}:{random.between(1, 9)}"
            case _:
                yield _FORMATS[name](context, random)


def _fitted(value: str, rules: Mapping[str, Any], random: KeyedRandom) -> Iterator[str]:
    """Yield *value*, and what becomes of it when it is joined with the demanded pieces and brought to length."""
    yield value
    joined = _joined(rules, value)
    yield joined
    shortest, longest = _shortest(rules), _longest(rules)
    fixed = len(rules.get("prefix", "")) + len(rules.get("contains", "")) + len(rules.get("suffix", ""))
    body = value
    while len(body) < shortest - fixed:
        body += f" {random.choice(words.NOUNS)}"
    room = int(max(0, longest - fixed)) if longest < math.inf else len(body)
    if "len" in rules or "len_bytes" in rules:
        room = max(0, shortest - fixed)
    clipped = body[:room]
    if clipped.endswith(" "):
        clipped = clipped[:-1] + "x"
    for body in (clipped, "".join(char for char in clipped if char.isalnum())):
        short = shortest - len(_joined(rules, body, keep=False))
        yield _joined(rules, body + random.text(_LETTERS, max(0, short)), keep=False)


def _joined(rules: Mapping[str, Any], body: str, *, keep: bool = True) -> str:
    """Put the demanded pieces around *body*; with *keep*, only those that it lacks."""
    prefix, inside, suffix = rules.get("prefix", ""), rules.get("contains", ""), rules.get("suffix", "")
    if keep:
        prefix = "" if body.startswith(prefix) else prefix
        inside = "" if inside in body else inside
        suffix = "" if body.endswith(suffix) else suffix
    elif inside in prefix + suffix:
        inside = ""
    return f"{prefix}{body}{inside}{suffix}"


def _shortest(rules: Mapping[str, Any]) -> int:
    asked = [rules.get(name, 0) for name in ("len", "len_bytes", "min_len", "min_bytes")]
    return int(min(_MOST, max(asked)))


def _longest(rules: Mapping[str, Any]) -> float:
    return float(min(rules.get(name, math.inf) for name in ("len", "len_bytes", "max_len", "max_bytes")))


def _drawn(options: list[Any], random: KeyedRandom) -> Iterator[Any]:
    """Yield all options, from one that is drawn on."""
    start = random.below(len(options)) if options else 0
    yield from options[start:]
    yield from options[:start]


def resource_name(pattern: str, random: KeyedRandom, parent: str = "") -> str:
    """Fill in the variables of a resource pattern, under *parent* if the pattern can begin like it.

    >>> from grpcmock.synthesis.keyed_random import KeyedRandom
    >>> resource_name("shelves/{shelf}/books/{book}", KeyedRandom(b""), "shelves/a")
    'shelves/a/books/warm-bridge'
    """

    def fill(_: re.Match[str]) -> str:
        return f"{random.choice(words.ADJECTIVES)}-{random.choice(words.NOUNS)}"

    segments, given = pattern.split("/"), parent.split("/") if parent else []
    if len(given) < len(segments) and all(
        ours == theirs or ours.startswith("{") for ours, theirs in zip(segments, given, strict=False)
    ):
        segments[: len(given)] = given
    return re.sub(r"\{[^}]*\}|\*+", fill, "/".join(segments))


def octets(
    rules: Mapping[str, Any], random: KeyedRandom, *, natural: Callable[[], bytes], empty: bool = True, skip: int = 0
) -> bytes:
    """Make bytes that keep *rules*; the natural ones if they do."""
    if "const" in rules:
        return bytes(rules["const"])
    if not rules and not skip:
        return natural()
    last = b""
    for last in _octet_candidates(rules, random, natural):
        if (last or empty) and _octets_fit(rules, last):
            if not skip:
                return last
            skip -= 1
    return last


def _octet_candidates(rules: Mapping[str, Any], random: KeyedRandom, natural: Callable[[], bytes]) -> Iterator[bytes]:
    yield from _drawn(list(rules.get("in", ())), random)
    yield from _drawn([example for example in rules.get("example", ()) if example], random)
    size = next((size for name, size in _BYTE_FORMATS.items() if rules.get(name) is True), None)
    prefix, inside, suffix = (rules.get(name, b"") for name in ("prefix", "contains", "suffix"))
    fixed = len(prefix) + len(inside) + len(suffix)
    if size is None:
        yield natural()
        least = max(rules.get("min_len", 0), rules.get("len", 0))
        most = min(rules.get("max_len", _MOST), rules.get("len", _MOST))
        size = min(_MOST, most, max(least, fixed + 8))
    if pattern := rules.get("pattern"):
        lengths = rules.get("min_len", rules.get("len", 0)), rules.get("max_len", rules.get("len", math.inf))
        yield from (example.encode() for example in regex.examples(pattern, random, *lengths))
    for _ in range(20):
        yield prefix + random.bytes(max(0, size - fixed)) + inside + suffix
    yield prefix if len(prefix) >= fixed - len(prefix) else prefix + inside + suffix


def _octets_fit(rules: Mapping[str, Any], value: bytes) -> bool:
    size = len(value)
    if not (
        rules.get("min_len", 0) <= size <= rules.get("max_len", size)
        and size == rules.get("len", size)
        and value.startswith(rules.get("prefix", b""))
        and value.endswith(rules.get("suffix", b""))
        and rules.get("contains", b"") in value
        and value not in rules.get("not_in", ())
        and ("in" not in rules or value in rules["in"])
    ):
        return False
    sizes = [size for name, size in _BYTE_FORMATS.items() if rules.get(name) is True]
    if sizes and size not in sizes:
        return False
    if "pattern" not in rules:
        return True
    try:
        return _matches(rules["pattern"], value.decode())
    except UnicodeDecodeError:
        return False
