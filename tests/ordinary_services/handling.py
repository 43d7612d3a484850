"""What the handlers of all ordinary services are written with: their contract, refusals, and messages."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from pathlib import Path
from typing import Any

from grpcmock.schema import Registry, sources
from grpcmock.status import Code


@cache
def contract() -> Registry:
    return sources.load([Path(__file__).with_name("ordinary.proto")])


class RefusedError(Exception):
    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code


def need(holds: object, text: str, code: Code = Code.INVALID_ARGUMENT) -> None:
    """Refuse a request unless something holds."""
    if not holds:
        raise RefusedError(code, text)


def made(kind: str, /, **fields: Any) -> Any:
    """Return a message of the contract."""
    return contract().message(f"ordinary.{kind}")(**fields)


def date(text: str, what: str) -> dt.date:
    """Return the day that a text names; refuse one that names none."""
    need(re.fullmatch(r"\d{4}-\d\d-\d\d", text), f"{what} must be a date such as 2024-05-01")
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise RefusedError(Code.INVALID_ARGUMENT, f"{what} is no day that there is") from None
