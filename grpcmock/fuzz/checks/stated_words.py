"""What is stated in words: limits, by the server itself in refusing a request or by comments, and names by these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.in_band import effective
from grpcmock.fuzz.checks.objections import paths_in_details
from grpcmock.fuzz.expectations.documented_limits import documented_item_limit, documented_limit
from grpcmock.fuzz.expectations.field_paths import Fields, named_in, path_of, resolve
from grpcmock.fuzz.expectations.field_sizes import is_text, longest_at, size_at
from grpcmock.fuzz.expectations.money import SISTERS, Sum
from grpcmock.fuzz.expectations.stated_limits import is_limit_alone, stated_item_limit, stated_limit
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.model.cases import (
    DOCUMENTED,
    DOCUMENTED_NAME,
    ITEMS_DOCUMENTED,
    ITEMS_OWN_WORDS,
    KEPT_WORDS,
    OWN_WORDS,
    SUMS,
)
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import tells_error, with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said, shape
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import CheckFunction
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.expectations.stated_limits import StatedLimit
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply


def taken(reply: Reply) -> str:
    """Say how a call ended that should have been refused; empty if it was, whatever the reason, in a response, too."""
    if tells_error(reply):
        return ""
    if reply.is_ok or (reply.termination is Termination.ENOUGH and reply.responses):
        return said(reply)
    return ""


def at_path(path: str) -> str:
    """Return the words for a place in a request; none for the request as a whole."""
    return f" at {path}" if path else ""


def _own_words(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A server has said what it takes, in refusing what is beyond: it is held to that."""
    replies = result.replies[case.setup : case.setup + 3]
    way = resolve(case.method.input, case.path)
    if not way or len(replies) < 3:
        return
    beyond, at, past = replies
    limit = stated_limit(beyond, way, expectations.registry)
    sizes = [size_at(case.method.request_class.FromString(reply.call.messages[0]), way) for reply in replies]
    if limit is None or sizes[0] is None or not limit.breaks(sizes[0]):
        return
    words = with_meant_status(beyond)
    wrong = []
    if sizes[1] is not None and limit.holds(sizes[1]):
        told = with_meant_status(at)
        if shape(told) == shape(words) and stated_limit(at, way, expectations.registry) == limit:
            wrong.append(f"{sizes[1]}: {said(told)}")
    if sizes[2] is not None and limit.breaks(sizes[2]) and (got := taken(with_meant_status(past))):
        wrong.append(f"{sizes[2]}: {got}")
    expected = f"what the server says itself of {sizes[0]}{at_path(case.path)}: {words.message}"
    yield from _not_as_stated(case, expected, wrong, "own words")


def _kept_words(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A server refuses what keeps the limit that it states in refusing it, and takes another size in its place, or says
    nothing of it where it is broken.

    Without either it may be minded by something else; of a text what it takes must be of the same letters.
    """
    way = resolve(case.method.input, case.path)
    if not way:
        return
    stated: StatedLimit | None = None
    wrong, others, silent, told = list[str](), list[float](), list[float](), list[float]()
    for reply in map(with_meant_status, result.replies[case.setup :]):
        size = size_at(case.method.request_class.FromString(reply.call.messages[0]), way)
        limit = stated_limit(reply, way, expectations.registry)
        if size is None:
            continue
        if limit is not None and is_limit_alone(reply.message, way):
            stated = limit
            if limit.holds(size):
                wrong.append(f"{size}: {said(reply)}")
            elif limit.breaks(size):
                told.append(size)
        elif _is_let_in(reply):
            others += [size] if size or not is_text(way[-1]) else []
        elif reply.termination is Termination.SERVER:
            silent.append(size)
    if stated is not None and not (others or told) and not any(map(stated.holds, silent)):
        others = silent if len(silent) > 1 else []  # the words are there for what keeps the limit, and for nothing else
    if not wrong or not others:
        return
    expected = f"other words than for {others[0]}, or none, for what keeps the limit that is stated{at_path(case.path)}"
    yield from _not_as_stated(case, expected, wrong, "own words")


def _is_let_in(reply: Reply) -> bool:
    """Whether a request was taken, be it by a stream that has nothing to say as yet."""
    return bool(taken(reply)) or reply.termination is Termination.ENOUGH


def _documented(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A comment states what a field may be, and the server refuses what is far beyond: it is held to the comment.

    Where it takes that as well, the comment may be but advice, and a refusal at the limit alone may be about something
    else; so what is within must be taken, and what is refused at the limit must be so in the words for what is beyond.
    """
    replies = result.replies[case.setup : case.setup + 4]
    way = resolve(case.method.input, case.path)
    limit = documented_limit(way[-1], expectations.registry) if way else None
    if not way or limit is None or len(replies) < 4:
        return
    beyond, at, past, within = (effective(reply, expectations) for reply in replies)
    sizes = [size_at(case.method.request_class.FromString(reply.call.messages[0]), way) for reply in replies]
    if not is_out_of_range(beyond) or not taken(within) or None in sizes:
        return
    wrong = []
    if is_out_of_range(at) and shape(at) == shape(beyond):
        wrong.append(f"{sizes[1]}: {said(at)}")
    if got := taken(past):
        wrong.append(f"{sizes[2]}: {got}")
    expected = f"what the comment of {way[-1].full_name} says: {_words(limit)}, as {sizes[0]} is refused"
    yield from _not_as_stated(case, expected, wrong, "documented")


def _items(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A comment states how long each item of a list may be, or the server itself, and it refuses a first item that is
    far longer: it is held to that, in the first item and in the second.

    What is within must be taken, or it is about something else.
    """
    replies = result.replies[case.setup : case.setup + 5]
    way = resolve(case.method.input, case.path)
    if not way or len(replies) < 5:
        return
    beyond, at, past, within, second = (effective(reply, expectations) for reply in replies)
    lengths = [longest_at(case.method.request_class.FromString(reply.call.messages[0]), way) or 0 for reply in replies]
    if case.rule == ITEMS_DOCUMENTED:
        limit = documented_item_limit(way[-1], expectations.registry)
        source = f"the comment of {way[-1].full_name} says of each item"
    else:
        limit = stated_item_limit(beyond, way, expectations.registry)
        source = "the server says itself of an item"
    if limit is None or not is_out_of_range(beyond) or limit.holds(lengths[0]) or not taken(within):
        return
    wrong = []
    if is_out_of_range(at) and shape(at) == shape(beyond) and limit.holds(lengths[1]):
        wrong.append(f"an item of {lengths[1]}: {said(at)}")
    for which, length, reply in (("an", lengths[2], past), ("a second", lengths[4], second)):
        if not limit.holds(length) and (got := taken(reply)):
            wrong.append(f"{which} item of {length}: {got}")
    expected = f"what {source}: {_words(limit)} characters, as {lengths[0]} are refused"
    yield from _not_as_stated(case, expected, wrong, "items")


def _documented_name(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A name that a comment gives is written as it should be, so it isn't refused for how it looks."""
    reply = effective(result.last, expectations)
    way = resolve(case.method.input, case.path)
    if way is None or reply.code != Code.INVALID_ARGUMENT or reply.termination is not Termination.SERVER:
        return
    named = [resolve(case.method.input, one) for one in paths_in_details(reply, expectations)]
    if way not in (named or named_in(reply.message, case.method.input)):
        return  # it may be about something else, which is refused whatever the name
    name = value_at(case.method.request_class.FromString(reply.call.messages[0]), (case.path,))
    expected = f"anything but INVALID_ARGUMENT at {case.path}: {name!r} is a name that the comment gives"
    yield from _not_as_stated(case, expected, [said(reply)], "documented name")


def _not_as_stated(case: Case, expected: str, wrong: Sequence[str], source: str) -> Iterator[Finding]:
    if wrong:
        key = f"{case.path} {source}"
        yield Finding(check="boundary_pair", expected=expected, actual="; ".join(wrong), path=case.path, key=key)


def is_out_of_range(reply: Reply) -> bool:
    """Whether a server refuses a request for what stands in it."""
    return reply.termination is Termination.SERVER and reply.code in (Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE)


def _words(limit: StatedLimit) -> str:
    parts = (("at least", limit.least), ("at most", limit.most))
    return ", ".join(f"{words} {number}" for words, number in parts if number is not None)


def _sums(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """A server that takes one sum of money minds the nanos of another, which are as right."""
    way = resolve(case.method.input, case.path)
    path = path_of(way or ())
    told: dict[Sum, Reply] = {}
    for reply in result.replies[case.setup :]:
        money = value_at(case.method.request_class.FromString(reply.call.messages[0]), path)
        told[money.units, money.nanos] = with_meant_status(reply)
    for one, sister in SISTERS:
        refused, other = told.get(one), told.get(sister)
        if refused is None or other is None or not is_out_of_range(refused) or not taken(other):
            continue
        if any(named[-1].name == "nanos" for named in _objected(refused, expectations)):
            yield Finding(
                check="boundary_pair",
                expected=f"{case.rule}{at_path(case.path)}: {_sum(one)} are as right as {_sum(sister)}, those taken",
                actual=f"{_sum(one)}: {said(refused)}",
                path=case.path,
                key=f"{case.path} sums",
            )
            return


def _sum(one: Sum) -> str:
    return f"units {one[0]} and nanos {one[1]}"


def _objected(reply: Reply, expectations: Expectations) -> list[Fields]:
    """Return the fields that a refusal names, in its details or else in its words."""
    method = reply.call.method
    assert method is not None
    by_path = [resolve(method.input, path) for path in paths_in_details(reply, expectations)]
    return [way for way in by_path if way] or list(named_in(reply.message, method.input))


BY_RULE: Mapping[str, CheckFunction] = {
    OWN_WORDS: _own_words,
    KEPT_WORDS: _kept_words,
    DOCUMENTED: _documented,
    ITEMS_OWN_WORDS: _items,
    ITEMS_DOCUMENTED: _items,
    SUMS: _sums,
    DOCUMENTED_NAME: _documented_name,
}
"""What judges the cases at what words state, by the rule of the case."""
