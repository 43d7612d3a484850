"""Looks at a list page by page, at whatever a program has made so far."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.resources.fields import named
from grpcmock.fuzz.resources.locations import SIZES
from grpcmock.fuzz.resources.pagination import GARBAGE

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
    from grpcmock.schema import Method

_PAGE = 2
"""So many are on a page, where there are more."""


def add_page_walk(program: MethodProgram, listing: AcceptedRequest, more: tuple[Binding, ...] = ()) -> None:
    """Look at the first page, the one behind it, a smaller one, at the first page again, and at one by a token that
    nobody gave, if the list has pages. All take *more* from earlier calls."""
    size, tokens = size_of(listing.method), tokens_of(listing.method)
    if not size:
        return
    pages = []
    for number in (_PAGE, 1):
        message: Any = listing.message
        setattr(message, size, number)
        pages.append(replace(listing, data=bytes_of(message), full=b"", values={}))
    first = program.add(pages[0], more=more)
    if tokens is not None:
        given, asked = tokens
        program.add(pages[0], more=(*more, Binding(first, (given,), (asked,))))
    program.add(pages[1], more=more)
    program.add(pages[0], more=more)
    if tokens is not None and isinstance(getattr(pages[0].message, tokens[1]), str):
        message = pages[0].message
        setattr(message, tokens[1], GARBAGE)
        program.add(replace(pages[0], data=bytes_of(message)), more=more)


def size_of(method: Method) -> str:
    """Return the field that says how large a page is to be; empty if there is none."""
    return named(method.input, *SIZES)


def tokens_of(method: Method) -> tuple[str, str] | None:
    """Return where an answer gives the token of the next page, and where a request takes it."""
    given = named(method.output, "next_page_token", "next_token", "next_cursor", "cursor")
    asked = named(method.input, "page_token", "cursor", "continuation_token", "next_token")
    return (given, asked) if given and asked else None
