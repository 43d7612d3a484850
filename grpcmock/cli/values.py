"""Values of options: the base of their types, and what is wrong with one, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    ParamType = click.ParamType
else:

    class ParamType(click.ParamType):
        """The base of types of our own: click's, which says what it converts to only since 8.4."""

        def __class_getitem__(cls, _):
            return cls


_NUMBER = re.compile(r"(?P<value>.+) is not a valid (?P<kind>integer|float)( range)?\.", re.DOTALL)
_OUTSIDE = re.compile(r"(?P<value>.+) is not in the range .+\.", re.DOTALL)


def complaint(error: click.BadParameter) -> str:
    """Return what is wrong with a value, for people rather than mathematicians."""
    of = error.param.type if error.param is not None else None
    bounds = _bounds(of)
    if found := _NUMBER.fullmatch(error.message):
        kind = "a whole number" if found["kind"] == "integer" else "a number"
        return f"{found['value']} is not {kind}{bounds}."
    if bounds and (found := _OUTSIDE.fullmatch(error.message)):
        return f"{found['value']} is too {_side(of, found['value'])}; it is a number{bounds}."
    return error.message


def _bounds(of: object) -> str:
    if not isinstance(of, (click.IntRange, click.FloatRange)):
        return ""
    low, high = of.min, of.max
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" from {low} upwards" if low is not None else f" up to {high}" if high is not None else ""


def _side(of: object, value: str) -> str:
    low = getattr(of, "min", None)
    return "small" if low is not None and float(value) <= low else "large"
