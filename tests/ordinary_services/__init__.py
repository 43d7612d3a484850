"""Services as many are: no annotations, validation by hand, ids that the server makes and such that users choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ordinary_services.covers import Covers
from ordinary_services.handling import RefusedError, contract
from ordinary_services.lessons import Lessons
from ordinary_services.money import Tills, Wallets
from ordinary_services.shops import Catalog, Orders
from ordinary_services.stays import Bookings, Desks
from ordinary_services.writing import Forum, Shelf

SERVICES: dict[str, Callable[[], Any]] = {
    "Bookings": Bookings,
    "Forum": Forum,
    "Wallets": Wallets,
    "Tills": Tills,
    "Shelf": Shelf,
    "Orders": Orders,
    "Desks": Desks,
    "Catalog": Catalog,
    "Lessons": Lessons,
    "Covers": Covers,
}

__all__ = [
    "SERVICES",
    "Bookings",
    "Catalog",
    "Covers",
    "Desks",
    "Forum",
    "Lessons",
    "Orders",
    "RefusedError",
    "Shelf",
    "Tills",
    "Wallets",
    "contract",
]
