"""Rooms that are booked, and desks with slots that are taken."""

from __future__ import annotations

import re
from itertools import count
from typing import Any

from grpcmock.status import Code
from ordinary_services.handling import date, made, need


class Bookings:
    def __init__(self) -> None:
        self.rooms: dict[int, Any] = {}
        self.bookings: dict[int, Any] = {}
        self.ids = count(1)

    def _nights(self, since: str, until: str) -> int:
        nights = (date(until, "until") - date(since, "since")).days
        need(nights > 0, "until must be after since")
        need(nights <= 60, "at most 60 nights")
        return nights

    def _room(self, number: int) -> Any:
        need(number in self.rooms, f"room {number} does not exist", Code.NOT_FOUND)
        return self.rooms[number]

    def _booking(self, key: int) -> Any:
        need(key > 0, "id must be positive")
        need(key in self.bookings, f"no booking {key}", Code.NOT_FOUND)
        return self.bookings[key]

    def create_booking(self, request: Any) -> Any:
        nights = self._nights(request.since, request.until)
        need(1 <= len(request.guests) <= 4, "1 to 4 guests")
        for index, guest in enumerate(request.guests):
            need(guest.name.strip(), f"guests[{index}]: a name is needed")
            need(not guest.email or "@" in guest.email, f"guests[{index}]: that is no e-mail address")
        room = self._room(request.room)
        key = next(self.ids)
        total = {"currency": "EUR", "cents": room.price.cents * nights}
        given = {"room": request.room, "since": request.since, "until": request.until, "guests": request.guests}
        self.bookings[key] = made("Booking", id=key, total=total, **given)
        return self.bookings[key]

    def get_booking(self, request: Any) -> Any:
        return self._booking(request.id)

    def list_bookings(self, request: Any) -> Any:
        need(0 <= request.limit <= 100, "limit: 0 to 100")
        return made("ListBookingsResponse", bookings=list(self.bookings.values())[: request.limit or 20])

    def change_booking(self, request: Any) -> Any:
        booking = self._booking(request.id)
        self._nights(booking.since, request.until or booking.until)
        booking.until = request.until or booking.until
        return booking

    def cancel_booking(self, request: Any) -> Any:
        booking = self._booking(request.id)
        need(len(request.reason) >= 3, "say why, in three letters or more")
        need(not booking.cancelled, "it was cancelled before", Code.FAILED_PRECONDITION)
        booking.cancelled = True
        return booking

    def quote_stay(self, request: Any) -> Any:
        nights, room = self._nights(request.since, request.until), self._room(request.room)
        need(1 <= request.guests <= 4, "guests: 1 to 4")
        return made("Quote", total={"currency": "EUR", "cents": room.price.cents * nights})

    def add_room(self, request: Any) -> Any:
        need(1 <= request.number <= 9999, "number: 1 to 9999")
        need(request.kind in ("single", "double", "suite"), "kind: one of single, double, suite")
        need(1 <= request.beds <= 6, "beds: 1 to 6")
        need(re.fullmatch("[A-Z]{3}", request.price.currency), "price: a currency and an amount")
        need(request.number not in self.rooms, "there is such a room", Code.ALREADY_EXISTS)
        self.rooms[request.number] = request
        return made("RoomId", number=request.number)

    def pay(self, request: Any) -> Any:
        booking = self._booking(request.booking_id)
        need(request.WhichOneof("by"), "card or iban")
        need(request.iban or re.fullmatch(r"\d{12,19}", request.card), "the card number is wrong")
        due = booking.total.cents
        need(request.amount.cents == due, f"{due} cents are due", Code.FAILED_PRECONDITION)
        return made("Receipt", number="R1")


class Desks:
    """Slots that may not overlap, by whatever name; visits that lie in them; and spans of days that end soon."""

    def __init__(self) -> None:
        self.slots: dict[str, Any] = {}
        self.visits: dict[str, Any] = {}
        self.ids = count(1)

    def open_slot(self, request: Any) -> Any:
        need(request.desk.strip(), "desk is required")
        date(request.day, "day")
        for name in ("opens_at", "closes_at"):
            fits = re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", getattr(request, name))
            need(fits, f"{name} must be a time such as 08:30")
        need(request.opens_at < request.closes_at, "closes_at must be after opens_at")
        for other in self.slots.values():
            apart = (
                other.day != request.day or other.closes_at <= request.opens_at or request.closes_at <= other.opens_at
            )
            need(apart, "there is a slot at this time", Code.FAILED_PRECONDITION)
        key = f"slot-{next(self.ids)}"
        fields = {name: getattr(request, name) for name in ("desk", "day", "opens_at", "closes_at")}
        self.slots[key] = made("Slot", slot_id=key, **fields)
        return self.slots[key]

    def take_slot(self, request: Any) -> Any:
        need(request.slot_id in self.slots, "no such slot", Code.NOT_FOUND)
        slot = self.slots[request.slot_id]
        need(request.visitor.strip(), "visitor is required")
        within = slot.opens_at <= request.opens_at < slot.closes_at
        need(within, "the visit isn't within the slot", Code.OUT_OF_RANGE)
        taken = any(visit.slot_id == request.slot_id for visit in self.visits.values())
        need(not taken, "the slot is taken", Code.FAILED_PRECONDITION)
        key = f"visit-{next(self.ids)}"
        fields = {name: getattr(request, name) for name in ("slot_id", "opens_at", "visitor")}
        self.visits[key] = made("Visit", visit_id=key, **fields)
        return self.visits[key]

    def move_visit(self, request: Any) -> Any:
        need(request.visit_id in self.visits, "no such visit", Code.NOT_FOUND)
        need(request.slot_id in self.slots, "no such slot", Code.NOT_FOUND)
        taken = any(visit.slot_id == request.slot_id for visit in self.visits.values())
        need(not taken, "the slot is taken", Code.FAILED_PRECONDITION)
        self.visits[request.visit_id].slot_id = request.slot_id
        return self.visits[request.visit_id]

    def count_visits(self, request: Any) -> Any:
        days = (date(request.last_day, "last_day") - date(request.first_day, "first_day")).days
        need(0 <= days <= 31, "the last day must be within 31 days of the first")
        return made("VisitCount", visits=len(self.visits))
