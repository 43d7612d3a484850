"""Templates: strings that hold Jinja expressions, rendered in an immutable and bounded sandbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Mapping

Chain = tuple[str | int, ...]
"""A static chain of attributes and keys from a variable: ``("request", "user", "id")``."""


class Reference(NamedTuple):
    """One place of a template: something is read along a static chain, and put through filters that need no more."""

    chain: Chain
    steps: tuple[Callable[[Any, Any], Any], ...]
    """How each part of the chain but the first is read from what is before it."""

    filters: tuple[Callable[[Any], Any], ...]


_MARKS = ("{{", "{%", "{#")


class TemplateError(ValueError):
    """A string is not a valid template. ``line`` counts from 1, inside the string."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A compiled template. Equal texts give the same object, as long as it is remembered."""

    text: str

    whole: bool
    """Whether the text is one whole expression, so that rendering keeps the type of the value."""

    variables: frozenset[str]
    """The names that it takes from outside."""

    references: tuple[Chain, ...]
    """What it reads: ``("request", "user", "id")``. The name of a method that it calls is left out."""

    calls: tuple[Chain, ...]
    """What it calls: ``("now",)``, ``("random", "int")``, ``("request", "name", "upper")``."""

    parts: tuple[str | Reference, ...] | None
    """What it consists of, where that is text and references alone. Such a template can be read without Jinja, and
    where the type of the messages is known, straight from them. None if there is more to it."""

    code: Callable[[dict[str, Any]], Any]
    """Renders, and raises whatever it comes upon; for :meth:`render`."""

    def render(self, values: Mapping[str, Any]) -> Any:
        """Give the value of a whole expression, else the text. Only the variables used are read from *values*.

        Raises :class:`~grpcmock.errors.RenderError` with the template and the reason; its caller knows stub and field.
        """
        try:
            return self.code({name: values[name] for name in self.variables if name in values})
        except Exception as error:  # noqa: BLE001 - whatever a template does, it fails this one reply alone
            raise RenderError(f"the template {shown(self.text)} can't be rendered: {_reason(error)}") from None

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


def is_template(value: Any) -> bool:
    """Say whether *value* is a string with template marks in it."""
    return isinstance(value, str) and "{" in value and any(mark in value for mark in _MARKS)


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text if text.endswith((".", "!", "?")) else text + "."


def shown(text: str) -> str:
    """Quote a template for an error message, cut to a fair length."""
    return repr(text if len(text) <= 60 else text[:57] + "…")
