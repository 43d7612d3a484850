"""An insurer: customers are of age, terms are so and so long, and each kind of cover has rules of its own."""

from __future__ import annotations

import datetime as dt
from itertools import count
from typing import Any

from grpcmock.status import Code
from ordinary_services.handling import date, made, need

HOME, TRAVEL, PET = 1, 2, 3


class Covers:
    """What can be done with a cover depends on its kind, and on when it is."""

    def __init__(self) -> None:
        self.customers: dict[str, Any] = {}
        self.covers: dict[str, Any] = {}
        self.ids = count(1)

    def register_customer(self, request: Any) -> Any:
        need(request.name.strip(), "name must not be blank")
        born = date(request.birth_day, "birth_day")
        need(born < _today() - dt.timedelta(365 * 18 + 5), "birth_day must be 18 years ago or more")
        customer = made("Customer", id=f"customer-{next(self.ids)}", name=request.name, birth_day=request.birth_day)
        self.customers[customer.id] = customer
        return customer

    def open_cover(self, request: Any) -> Any:
        need(request.kind in (HOME, TRAVEL, PET), "kind must be one of home, travel, pet")
        days = (date(request.end_day, "end_day") - date(request.start_day, "start_day")).days + 1
        need(14 <= days <= 90, "the term must be from 14 to 90 days")
        need(bool(request.pet_name.strip()) == (request.kind == PET), _PET)
        need(request.customer_id in self.customers, "there is no such customer", Code.NOT_FOUND)
        names = ("customer_id", "kind", "start_day", "end_day", "pet_name")
        return self._kept({name: getattr(request, name) for name in names})

    def renew_cover(self, request: Any) -> Any:
        cover = self._found(request)
        need(cover.kind != TRAVEL, "travel covers can't be renewed", Code.FAILED_PRECONDITION)
        return self._kept({"customer_id": cover.customer_id, "kind": cover.kind, "pet_name": cover.pet_name})

    def file_claim(self, request: Any) -> Any:
        day = date(request.day, "day")
        need(day <= _today(), "day must not be after today")
        cover = self._found(request)
        need(not request.item_id, "the cover has no such item", Code.NOT_FOUND)
        need(cover.start_day <= request.day <= cover.end_day, "day is not covered", Code.FAILED_PRECONDITION)
        return made("Damage", id=f"damage-{next(self.ids)}", cover_id=cover.id, day=request.day)

    def _found(self, request: Any) -> Any:
        need(request.cover_id, "cover_id is missing")
        need(request.cover_id in self.covers, "there is no such cover", Code.NOT_FOUND)
        return self.covers[request.cover_id]

    def _kept(self, fields: dict[str, Any]) -> Any:
        cover = made("Cover", id=f"cover-{next(self.ids)}", **fields)
        self.covers[cover.id] = cover
        return cover


_PET = "pet_name is needed for pets, and must be empty for all else"


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
