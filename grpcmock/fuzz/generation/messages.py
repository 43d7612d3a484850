"""The strategy of messages that users call; what is heavy is imported with the first call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from hypothesis.strategies import SearchStrategy

M = TypeVar("M", bound="Message")


def messages(
    message_class: type[M],
    fields: Mapping[str, SearchStrategy[Any]] | None = None,
    /,
    *,
    valid: bool = True,
    depth: int = 3,
    only: Iterable[str] | None = None,
    exclude: Iterable[str] = (),
    **overrides: SearchStrategy[Any],
) -> SearchStrategy[M]:
    """Give a Hypothesis strategy of the messages of a class, out of generated code or of a pool of one's own.

    They keep the ``buf.validate`` rules of their type, ``field_behavior`` and resource names, unless *valid* is False;
    and no more than *depth* messages stand inside each other. *only* names the fields that may be set, *exclude* those
    that may not. A field given as a keyword is drawn from its strategy (None leaves it unset); one that is called like
    an option goes into the mapping *fields*. What is said about single fields goes before the rules of the type.

    ``st.from_type(UserResponse)`` is the same as ``messages(UserResponse)``, wherever Hypothesis is used.

    Raises :class:`grpcmock.errors.SchemaError` for a field that isn't there, and names the nearest.
    """
    from grpcmock.fuzz.generation.hypothesis_source import strategy

    chosen = {**(fields or {}), **overrides}
    return strategy(message_class, chosen, valid=valid, depth=depth, only=only, exclude=exclude)
