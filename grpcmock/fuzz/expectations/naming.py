"""What the names of methods and fields say: verbs, nouns, one and many."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.schema.naming import snake_case

_VERBS = (
    (Role.BATCH_GET, "BatchGet|BatchRead|GetMany|MultiGet"),
    (Role.IMPORT, "BatchCreate|Import|Upload|BulkCreate|CreateMany"),
    (Role.UNDELETE, "Undelete|Restore|Recover"),
    (Role.CREATE, "Create|Add|Insert|Register|New|Make|Open|Post|Submit|Place"),
    (Role.LIST, "ListAll|GetAll|List|Search|Query|Enumerate|Browse"),
    (Role.GET, "Get|Read|Fetch|Find|Describe|Retrieve|Load|Show|View|Stat"),
    (Role.LOOKUP, "Lookup|LookUp|Resolve"),
    (Role.EXPORT, "Export|Dump|Download"),
    (Role.UPDATE, "Update|Patch|Modify|Edit|Change|Rename|Redirect|Replace"),
    (Role.DELETE, "Delete|Remove|Destroy|Erase|Forget|Discard|Drop|Unregister"),
    (Role.EXPUNGE, "Expunge|Purge"),
    (Role.MOVE, "Move|Relocate"),
    (Role.WATCH, "Watch|Subscribe|Follow|Tail"),
)
_VERB = {role: re.compile(rf"(?:{words})(?=[A-Z]|$)") for role, words in _VERBS}

_DETAIL = re.compile(r"(By|With|For|From|In)[A-Z].*$")
"""What comes after the noun: ``GetUserByEmail``."""

_SERVICE = re.compile(r"(Service|Api|API|Manager|Store|Registry|Server|Admin|V\d+)$")

_RANGE_ENDS = (
    *(("first", "last"), ("from", "to"), ("start", "end"), ("starts", "ends"), ("begin", "end"), ("since", "until")),
    *(("in", "out"), ("arrival", "departure"), ("earliest", "latest"), ("after", "before"), ("min", "max")),
    *(("low", "high"), ("lower", "upper"), ("lowest", "highest")),
)

_IRREGULAR = {
    "begin": "begun",
    "put": "put",
    "send": "sent",
    "take": "taken",
    "give": "given",
    "do": "done",
    "lend": "lent",
    "write": "written",
    "sell": "sold",
    "win": "won",
    "pay": "paid",
    "freeze": "frozen",
    "hide": "hidden",
    "withdraw": "withdrawn",
    "cancel": "cancelled",
    "submit": "submitted",
    "hold": "held",
    "build": "built",
    "leave": "left",
    "lose": "lost",
    "undo": "undone",
    "override": "overridden",
    "choose": "chosen",
    "commit": "committed",
    "transfer": "transferred",
    "defer": "deferred",
    "reset": "reset",
    "split": "split",
    "cut": "cut",
    "cast": "cast",
    "run": "run",
    "set": "set",
    "get": "got",
    "let": "let",
    "bid": "bid",
    "hit": "hit",
    "shut": "shut",
}


def verb_and_noun(method: str) -> tuple[Role, str] | None:
    """Part the name of a method; None if it begins with no verb that is known.

    >>> verb_and_noun("BatchGetUsers")
    (<Role.BATCH_GET: 'batch get'>, 'Users')
    """
    method = capitalized(method)
    for role, verb in _VERB.items():
        if found := verb.match(method):
            return role, _DETAIL.sub("", method[found.end() :])
    return None


def capitalized(method: str) -> str:
    """Return the name of a method as most write it: ``AddBook`` for ``addBook``."""
    return method[:1].upper() + method[1:]


def singular(noun: str) -> str:
    """Give one of many.

    >>> [singular(noun) for noun in ("Users", "Categories", "Boxes", "Address", "Status", "Series")]
    ['User', 'Category', 'Box', 'Address', 'Status', 'Series']
    """
    if noun.lower().endswith(("ss", "us", "is", "series", "news")) or not noun.lower().endswith("s"):
        return noun
    if noun.endswith("ies") and len(noun) > 4:
        return noun[:-3] + "y"
    if noun.endswith(("xes", "ches", "shes", "sses", "zes")):
        return noun[:-2]
    return noun[:-1]


def words_for(value: Any) -> str:
    """Return what a value of an enum is called, in small letters and without the name of the enum: ``on_trip`` for
    ``VEHICLE_STATUS_ON_TRIP``."""
    return str(value.name.lower().removeprefix(f"{snake_case(value.type.name)}_"))


def range_ends(field: str) -> Iterator[tuple[str, str]]:
    """Yield what the field may be called that ends the range which one of this name begins, and what the range is of.

    >>> list(range_ends("start_day")), list(range_ends("valid_from")), list(range_ends("started"))
    ([('end_day', 'day')], [('valid_to', 'valid')], [])
    """
    for begin, end in _RANGE_ENDS:
        word = rf"(?<![a-z]){begin}(?![a-z])"
        if (other := re.sub(word, end, field)) != field:
            yield other, re.sub(word, "", field).strip("_")


def service_noun(service: str) -> str:
    """Give the noun in the name of a service, for methods that are called ``Get`` alone.

    >>> service_noun("shop.v1.OrderService"), service_noun("Orders")
    ('Order', 'Order')
    """
    name = service.rpartition(".")[2]
    return singular(_SERVICE.sub("", name) or name)


def participle(verb: str) -> str:
    """Return what something is that a verb was done to: ``closed`` for ``close``."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("e"):
        return f"{verb}d"
    if re.fullmatch("[^aeiou]*[aeiou][bdgmnprt]", verb):
        return f"{verb}{verb[-1]}ed"
    return f"{verb[:-1]}ied" if re.search("[^aeiou]y$", verb) else f"{verb}ed"
