"""Regular expressions of a Pact, which fit a text as a whole, and those of this project, which are searched for.

Pact's library carries them out with Oniguruma, in the syntax of Ruby; here they are RE2's.
"""

from __future__ import annotations

import re

_ANYTHING = r"[\s\S]*"
_ONE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_OF_RE2_ALONE = re.compile(r"\(\?(?!:|i\)|i:)|\\[QCpP]\w?")
"""Flags other than `i`, named groups, quoting, classes of Unicode: Ruby has no such thing, or another by that name."""


def searched(whole: str) -> str:
    """Write an expression of a Pact so that searching for it says the same."""
    first, last, choice = _ends(whole)
    inner = f"(?:{whole})" if choice else whole
    return f"{'' if first else '^'}{inner}{'' if last else '$'}"


def whole(searched: str) -> str | None:
    """Write an expression that is searched for as a Pact takes it; None if it can't be said there."""
    if _OF_RE2_ALONE.search(searched.removeprefix("(?i)")):
        return None
    flag = "(?i)" if searched.startswith("(?i)") else ""
    rest = searched.removeprefix(flag)
    first, last, choice = _ends(rest)
    inner = f"(?:{rest})" if choice else rest
    return f"{flag}{'' if first else _ANYTHING}{inner}{'' if last else _ANYTHING}"


def _ends(expression: str) -> tuple[bool, bool, bool]:
    """Whether an expression is bound to the text's start, and to its end; whether it is a choice between several."""
    parts = _ONE.findall(expression)
    depth, choice = 0, False
    for part in parts:
        depth += (part == "(") - (part == ")")
        choice = choice or (part == "|" and depth == 0)
    bound = bool(parts) and not choice
    return bound and parts[0] == "^", bound and parts[-1] == "$", choice
