"""A hotel on grpcio's threads. An interceptor's worth of protovalidate, and what the rules can't say by hand."""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Iterable
from typing import Any

import grpc
import protovalidate
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("booking.v1.BookingService",)
pb = Messages("booking", "booking.v1")
DEFAULT_PAGE = 10
MOST_TOLD = 20
VALIDATOR = protovalidate.Validator()


def path_of(violation: Any) -> str:
    """Write where a rule is broken: ``guests[0].email``."""
    path = ""
    field = violation.proto.field
    for element in field.elements if field is not None else ():
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None and isinstance(element.subscript.value, int):
            path += f"[{element.subscript.value}]"
    return path


def check(request: Any, context: Any) -> None:
    """End the call with INVALID_ARGUMENT where a rule of the protos is broken."""
    if request.ByteSize() > 64 * 1024:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The request is larger than all that the rules allow.")
    try:
        violations = VALIDATOR.collect_violations(request)
    except (protovalidate.EvaluationError, ValueError, OverflowError):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "A time or a duration is out of range.")
    if not violations:
        return
    told = [(path_of(violation), violation.proto.message) for violation in violations[:MOST_TOLD]]
    status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message=f"{told[0][0] or 'request'}: {told[0][1]}")
    details = error_details_pb2.BadRequest()
    for field, description in told:
        details.field_violations.add(field=field, description=description)
    status.details.add().Pack(details)
    context.abort_with_status(rpc_status.to_status(status))


def overlap(one: Any, other: Any) -> bool:
    """Whether two stays share a night."""
    return bool(one.first_day < other.last_day and other.first_day < one.last_day)


def after(request: Any, scope: str, context: Any) -> tuple[int, ...]:
    """The key that a page token holds; less than all keys if there is none."""
    if not request.page_token:
        return (-1,)
    try:
        owner, *key = base64.urlsafe_b64decode(request.page_token).decode().split("/")
        if owner == scope:
            return tuple(int(part, 16) for part in key)
    except ValueError:
        pass
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The page token is none of this list.")
    raise AssertionError


def cut(
    items: Iterable[tuple[tuple[int, ...], Any]], request: Any, scope: str, first: tuple[int, ...]
) -> tuple[list[Any], str]:
    """A page of the items behind a key, and the token of what follows."""
    size = request.page_size or DEFAULT_PAGE
    left = sorted((item for item in items if item[0] > first), key=lambda item: item[0])
    chosen = left[:size]
    token = ""
    if len(left) > size:
        token = base64.urlsafe_b64encode("/".join([scope, *(f"{part:x}" for part in chosen[-1][0])]).encode()).decode()
    return [item for _, item in chosen], token


class Server:
    """Rooms and bookings in memory, behind one lock."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.lock = threading.Lock()
        self.rooms: dict[str, Any] = {}
        self.bookings: dict[str, Any] = {}

    def _new_id(self) -> str:
        return str(uuid.UUID(hex=self.environment.token() + self.environment.token(), version=4))

    def _room(self, room_id: str, context: Any) -> Any:
        room = self.rooms.get(room_id.lower())
        if room is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "There is no such room.")
        return room

    def _booking(self, booking_id: str, context: Any) -> Any:
        booking = self.bookings.get(booking_id.lower())
        if booking is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "There is no such booking.")
        return booking

    def _is_free(self, room_id: str, stay: Any, but: str = "") -> bool:
        return not any(
            booking.room_id == room_id and not booking.cancelled and booking.id != but and overlap(booking.stay, stay)
            for booking in self.bookings.values()
        )

    def CreateRoom(self, request: Any, context: Any) -> Any:
        check(request, context)
        with self.lock:
            if any(room.number == request.number for room in self.rooms.values()):
                context.abort(grpc.StatusCode.ALREADY_EXISTS, "There is a room of this number.")
            room = pb.Room(
                id=self._new_id(),
                number=request.number,
                kind=request.kind,
                capacity=request.capacity,
                price=request.price,
                amenities=request.amenities,
            )
            self.rooms[room.id] = room
            return pb.CreateRoomResponse(room=room)

    def GetRoom(self, request: Any, context: Any) -> Any:
        check(request, context)
        with self.lock:
            return pb.GetRoomResponse(room=self._room(request.id, context))

    def ListRooms(self, request: Any, context: Any) -> Any:
        check(request, context)
        first = after(request, "rooms", context)
        with self.lock:
            rooms = [
                ((room.number,), room)
                for room in self.rooms.values()
                if not request.kinds or room.kind in request.kinds
            ]
            chosen, token = cut(rooms, request, "rooms", first)
            return pb.ListRoomsResponse(rooms=chosen, next_page_token=token)

    def CreateBooking(self, request: Any, context: Any) -> Any:
        check(request, context)
        with self.lock:
            room = self._room(request.room_id, context)
            if len(request.guests) > room.capacity:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "The room is too small for so many.")
            if not self._is_free(room.id, request.stay):
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "The room is taken.")
            booking = pb.Booking(
                id=self._new_id(),
                room_id=room.id,
                stay=request.stay,
                guests=request.guests,
                requests=request.requests,
                note=request.note,
            )
            booking.created.FromSeconds(int(self.environment.now()))
            self.bookings[booking.id] = booking
            return pb.CreateBookingResponse(booking=booking)

    def GetBooking(self, request: Any, context: Any) -> Any:
        check(request, context)
        with self.lock:
            return pb.GetBookingResponse(booking=self._booking(request.id, context))

    def ListBookings(self, request: Any, context: Any) -> Any:
        check(request, context)
        with self.lock:
            room = self._room(request.room_id, context)
            first = after(request, room.id, context)
            bookings = [
                ((booking.stay.first_day, int(booking.id.replace("-", ""), 16)), booking)
                for booking in self.bookings.values()
                if booking.room_id == room.id and (request.show_cancelled or not booking.cancelled)
            ]
            chosen, token = cut(bookings, request, room.id, first)
            return pb.ListBookingsResponse(bookings=chosen, next_page_token=token)

    def RescheduleBooking(self, request: Any, context: Any) -> Any:
        check(request, context)
        with self.lock:
            booking = self._booking(request.id, context)
            if booking.cancelled:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "The booking is cancelled.")
            if not self._is_free(booking.room_id, request.stay, but=booking.id):
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "The room is taken.")
            booking.stay.CopyFrom(request.stay)
            return pb.RescheduleBookingResponse(booking=booking)

    def CancelBooking(self, request: Any, context: Any) -> Any:
        check(request, context)
        with self.lock:
            booking = self._booking(request.id, context)
            booking.cancelled = True
            return pb.CancelBookingResponse(booking=booking)

    def AddGuests(self, request: Any, context: Any) -> Any:
        check(request, context)
        with self.lock:
            booking = self._booking(request.id, context)
            room = self._room(booking.room_id, context)
            if booking.cancelled:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "The booking is cancelled.")
            if len(booking.guests) + len(request.guests) > room.capacity:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "The room is too small for so many.")
            booking.guests.extend(request.guests)
            return pb.AddGuestsResponse(booking=booking)

    def QuoteStay(self, request: Any, context: Any) -> Any:
        check(request, context)
        with self.lock:
            room = self._room(request.room_id, context)
            nights = request.stay.last_day - request.stay.first_day
            price = round(nights * room.price * (1 - request.discount))
            return pb.QuoteStayResponse(price=price, nights=nights)
