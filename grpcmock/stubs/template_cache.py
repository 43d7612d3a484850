"""Templates by their texts, each compiled once."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.stubs.template import Template


@lru_cache(maxsize=8192)
def parse_template(text: str) -> Template:
    """Return the template of *text*; equal texts give the same object, as long as it is remembered.

    Raises :class:`TemplateError` on a syntax error, or a filter or test that there isn't.
    """
    from grpcmock.stubs.jinja import compile_text  # Jinja is slow to import, and many need no template

    return compile_text(text)
