"""A clinic's appointments on grpcio's threads: rules of protovalidate, ids of the server, days, times, money."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import hashlib
import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import grpc
import protovalidate
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("clinic.v1.ClinicService",)
pb = Messages("clinic", "clinic.v1")
validator = protovalidate.Validator()
BOOKED = pb.APPOINTMENT_STATE_BOOKED
CHECKED_IN = pb.APPOINTMENT_STATE_CHECKED_IN
CANCELLED = pb.APPOINTMENT_STATE_CANCELLED

DEFAULT_PAGE = 20
LARGEST_PAGE = 100
MOST_DAYS = 31
MOST_VIOLATIONS = 10
LARGE = 4096
OF_AGE = 18
FREE_UNTIL = dt.timedelta(hours=24)
RATES = {pb.SPECIALTY_GENERAL: 3500, pb.SPECIALTY_PEDIATRICS: 2850, pb.SPECIALTY_DERMATOLOGY: 4725}
"""For a quarter of an hour, in hundredths."""


class Refused(Exception):
    """Why a request isn't carried out, and the fields that are wrong with what is wrong about them."""

    def __init__(self, code: grpc.StatusCode, message: str, *fields: tuple[str, str]) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.fields = fields


def invalid(field: str, why: str) -> Refused:
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, f"{field} {why}", (field, why))


def blocked(why: str) -> Refused:
    """For what can't be done in the state in which things are."""
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, why)


def refuse(context: Any, refused: Refused) -> NoReturn:
    status = status_pb2.Status(code=refused.code.value[0], message=refused.message)
    if refused.fields:
        bad = error_details_pb2.BadRequest()
        for field, why in refused.fields:
            bad.field_violations.add(field=field, description=why)
        status.details.add().Pack(bad)
    context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError


def path_of(violation: Any) -> str:
    """The field that breaks a rule, as ``states[1]``; empty for a rule across fields."""
    elements = violation.field.elements if violation.field is not None else ()
    return ".".join(f"{one.field_name}[{one.subscript.value}]" if one.subscript else one.field_name for one in elements)


def check(request: Any) -> None:
    """Raise :class:`Refused` for a request that breaks a rule of the protos."""
    found = validator.collect_violations(request, fail_fast=request.ByteSize() > LARGE)
    fields = [(path_of(one.proto), one.proto.message) for one in found[:MOST_VIOLATIONS]]
    if fields:
        text = "; ".join(f"{field} {why}".strip() for field, why in fields)
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, text, *fields)


def handled(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """Check a request, and carry it out alone."""

    @functools.wraps(handler)
    def handle(server: Any, request: Any, context: Any) -> Any:
        try:
            with server.lock:
                check(request)
                return handler(server, request)
        except Refused as refused:
            refuse(context, refused)

    return handle


def day_of(field: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise invalid(field, "is no day of the calendar") from None


def days_of(request: Any) -> tuple[str, str]:
    """The first and the last day that a request is about."""
    for field in ("day_from", "day_to"):
        if getattr(request, field):
            day_of(field, getattr(request, field))
    return request.day_from or "0001-01-01", request.day_to or "9999-12-31"


def minute_of(time: str) -> int:
    """The minutes since midnight."""
    return int(time[:2]) * 60 + int(time[3:])


def age_on(day: dt.date, birth: dt.date) -> int:
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def put(money: Any, cents: int) -> None:
    money.currency_code = "CHF"
    money.units, rest = divmod(cents, 100)
    money.nanos = rest * 10_000_000


def cents_of(money: Any) -> int:
    return int(money.units * 100 + money.nanos // 10_000_000)


def quoted(specialty: int, day: dt.date, minutes: int, patients: int, *, follow_up: bool) -> Any:
    base = RATES[specialty] * (minutes // 15) * patients
    surcharge = base // 5 if day.weekday() >= 5 else 0
    discount = base // 4 if follow_up else base // 10 if patients >= 3 else 0
    quote = pb.Quote()
    put(quote.base, base)
    put(quote.surcharge, surcharge)
    put(quote.discount, discount)
    put(quote.total, base + surcharge - discount)
    return quote


def copied(message: Any) -> Any:
    """What is given away: the stored message may change while it is sent."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def window(appointment: Any) -> tuple[int, int]:
    """The first minute of an appointment, and the first one after it."""
    start = minute_of(appointment.starts_at)
    return start, start + appointment.minutes


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def most_at_once(windows: list[tuple[int, int]], within: tuple[int, int]) -> int:
    """How many there are at the minute at which there are most."""
    return max(sum(start <= at < end for start, end in windows) for at in range(*within, 15))


def fingerprint(request: Any, *left_out: str) -> str:
    """Stands for what a request asks for, whatever is in the fields that are left out."""
    asked = type(request)()
    asked.CopyFrom(request)
    asked.DiscardUnknownFields()
    for field in left_out:
        asked.ClearField(field)
    told = asked.DESCRIPTOR.full_name.encode() + b"?" + asked.SerializeToString(deterministic=True)
    return hashlib.sha256(told).hexdigest()[:16]


def token_of(parts: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def page(items: list[Any], request: Any, key: Callable[[Any], list[str]], *, reverse: bool) -> tuple[list[Any], str]:
    """The items of a page, and the token of the next one."""
    size = min(request.page_size or DEFAULT_PAGE, LARGEST_PAGE)
    asked = fingerprint(request, "page_size", "page_token")
    items = sorted(items, key=key, reverse=reverse)
    if request.page_token:
        try:
            told = json.loads(base64.urlsafe_b64decode(request.page_token))
        except ValueError:
            raise invalid("page_token", "is none that this server gave") from None
        if not isinstance(told, list) or token_of(told) != request.page_token or told[:1] != [asked]:
            raise invalid("page_token", "was given for another list")
        after = [str(one) for one in told[1:]]
        items = [one for one in items if (key(one) < after if reverse else key(one) > after)]
    if len(items) <= size:
        return items, ""
    return items[:size], token_of([asked, *key(items[size - 1])])


class Server:
    """Patients, sessions and appointments in memory, behind one lock."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.lock = threading.Lock()
        self.patients: dict[str, Any] = {}
        self.emails: set[str] = set()
        self.sessions: dict[str, Any] = {}
        self.appointments: dict[str, Any] = {}
        self.turns: dict[str, int] = {}
        self.keys: dict[str, tuple[str, str]] = {}

    def _id(self) -> str:
        return str(uuid.UUID(hex=self.environment.token() + self.environment.token(), version=4))

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.environment.now(), dt.UTC)

    def _stamp(self, time: Any) -> None:
        time.FromMilliseconds(int(self.environment.now() * 1000))

    def _found(self, things: dict[str, Any], thing_id: str, kind: str) -> Any:
        if thing_id.lower() not in things:
            raise Refused(grpc.StatusCode.NOT_FOUND, f"there is no such {kind}")
        return things[thing_id.lower()]

    def _session(self, session_id: str) -> Any:
        return self._found(self.sessions, session_id, "session")

    def _appointment(self, appointment_id: str) -> Any:
        return self._found(self.appointments, appointment_id, "appointment")

    def _kept(self) -> list[Any]:
        """The appointments that weren't cancelled."""
        return [one for one in self.appointments.values() if one.state != CANCELLED]

    def _active(self, session: Any) -> list[Any]:
        return [one for one in self._kept() if one.session_id == session.session_id]

    def _shown(self, session: Any) -> Any:
        session.appointment_count = len(self._active(session))
        return copied(session)

    def _note(self, appointment: Any) -> Any:
        """Add how an appointment is now to its history, and give a copy of it."""
        appointment.version += 1
        change = appointment.history.add(state=appointment.state, starts_at=appointment.starts_at)
        change.session_id = appointment.session_id
        self._stamp(change.time)
        return copied(appointment)

    def _cancel(self, appointment: Any, reason: str, fee: int) -> Any:
        appointment.state = CANCELLED
        appointment.cancellation.reason = reason
        put(appointment.cancellation.fee, fee)
        self._stamp(appointment.cancellation.time)
        return self._note(appointment)

    def _place(self, appointment: Any, session: Any, starts_at: str) -> None:
        """Put an appointment into a session, with its price. Changes nothing if it can't."""
        day = dt.date.fromisoformat(session.day)
        wanted = window(pb.Appointment(starts_at=starts_at, minutes=appointment.minutes))
        if session.closed:
            raise blocked("the session is closed")
        age = age_on(day, dt.date.fromisoformat(self.patients[appointment.patient_id].birth_date))
        if session.specialty == pb.SPECIALTY_PEDIATRICS and age >= OF_AGE:
            raise blocked("the patient is too old for pediatrics")
        if appointment.follows_up:
            self._check_followed(appointment, session)
        if wanted[0] < minute_of(session.starts_at) or wanted[1] > minute_of(session.ends_at):
            raise Refused(grpc.StatusCode.OUT_OF_RANGE, "the appointment isn't within the session")
        others = [one for one in self._kept() if one.day == session.day and overlap(window(one), wanted)]
        others = [one for one in others if one.appointment_id != appointment.appointment_id]
        if any(one.patient_id == appointment.patient_id for one in others):
            raise blocked("the patient has another appointment at that time")
        beside = [window(one) for one in others if one.session_id == session.session_id]
        if most_at_once(beside, wanted) >= session.capacity:
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "the session is full at that time")
        quote = quoted(session.specialty, day, appointment.minutes, 1, follow_up=bool(appointment.follows_up))
        appointment.session_id = session.session_id
        appointment.day = session.day
        appointment.starts_at = starts_at
        appointment.price.CopyFrom(quote.total)

    def _check_followed(self, appointment: Any, session: Any) -> None:
        followed = self._appointment(appointment.follows_up)
        if followed.patient_id != appointment.patient_id:
            raise blocked("the appointment to follow up is of another patient")
        if self.sessions[followed.session_id].specialty != session.specialty:
            raise blocked("the appointment to follow up is of another specialty")
        if followed.state != CHECKED_IN:
            raise blocked("nobody has come to the appointment to follow up")
        if followed.day > session.day:
            raise blocked("the appointment to follow up is on a later day")

    @handled
    def RegisterPatient(self, request: Any) -> Any:
        born = day_of("birth_date", request.birth_date)
        if born.year < 1900 or born > self._now().date():
            raise invalid("birth_date", "must be from 1900 until today")
        if request.email.lower() in self.emails:
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, "there is a patient with this email")
        patient = pb.Patient(name=request.name, email=request.email, birth_date=request.birth_date)
        patient.patient_id = self._id()
        self._stamp(patient.create_time)
        self.emails.add(request.email.lower())
        self.patients[patient.patient_id] = patient
        return patient

    @handled
    def GetPatient(self, request: Any) -> Any:
        return self._found(self.patients, request.patient_id, "patient")

    @handled
    def OpenSession(self, request: Any) -> Any:
        day_of("day", request.day)
        hours = (minute_of(request.starts_at), minute_of(request.ends_at))
        for other in self.sessions.values():
            theirs = (minute_of(other.starts_at), minute_of(other.ends_at))
            if other.closed or other.day != request.day or not overlap(hours, theirs):
                continue
            if other.room == request.room:
                raise blocked("there is another session in this room")
            if other.clinician == request.clinician:
                raise blocked("the clinician has another session")
        session = pb.Session(
            session_id=self._id(),
            clinician=request.clinician,
            specialty=request.specialty,
            room=request.room,
            day=request.day,
            starts_at=request.starts_at,
            ends_at=request.ends_at,
            capacity=request.capacity if request.HasField("capacity") else 1,
        )
        self.sessions[session.session_id] = session
        return self._shown(session)

    @handled
    def GetSession(self, request: Any) -> Any:
        return self._shown(self._session(request.session_id))

    @handled
    def ListSessions(self, request: Any) -> Any:
        first, last = days_of(request)
        sessions = [
            one
            for one in self.sessions.values()
            if (not request.specialty or one.specialty == request.specialty)
            and (not request.clinician or one.clinician == request.clinician)
            and first <= one.day <= last
            and (request.include_closed or not one.closed)
        ]
        shown, token = page(sessions, request, lambda one: [one.day, one.starts_at, one.session_id], reverse=False)
        return pb.ListSessionsResponse(
            sessions=[self._shown(one) for one in shown], next_page_token=token, total_size=len(sessions)
        )

    @handled
    def CloseSession(self, request: Any) -> Any:
        session = self._session(request.session_id)
        if session.closed:
            return self._shown(session)
        booked = self._active(session)
        if any(one.state == CHECKED_IN for one in booked):
            raise blocked("somebody has checked in")
        for appointment in booked:
            self._cancel(appointment, "The session was closed.", 0)
        session.closed = True
        return self._shown(session)

    @handled
    def QuoteVisit(self, request: Any) -> Any:
        day = day_of("day", request.day)
        return quoted(request.specialty, day, request.minutes, request.patients, follow_up=request.follow_up)

    @handled
    def BookAppointment(self, request: Any) -> Any:
        asked = fingerprint(request, "request_key")
        if request.request_key in self.keys:
            first, appointment_id = self.keys[request.request_key]
            if first != asked:
                raise Refused(grpc.StatusCode.ALREADY_EXISTS, "another booking was made with this request_key")
            return copied(self.appointments[appointment_id])
        session = self._session(request.session_id)
        patient = self._found(self.patients, request.patient_id, "patient")
        appointment = pb.Appointment(
            appointment_id=self._id(),
            patient_id=patient.patient_id,
            minutes=request.minutes,
            reason=request.reason,
            follows_up=request.follows_up.lower(),
            state=BOOKED,
        )
        self._place(appointment, session, request.starts_at)
        self.turns[appointment.appointment_id] = len(self.turns)
        self.appointments[appointment.appointment_id] = appointment
        if request.request_key:
            self.keys[request.request_key] = (asked, appointment.appointment_id)
        return self._note(appointment)

    @handled
    def GetAppointment(self, request: Any) -> Any:
        return copied(self._appointment(request.appointment_id))

    @handled
    def ListAppointments(self, request: Any) -> Any:
        first, last = days_of(request)
        appointments = [
            one
            for one in self.appointments.values()
            if (not request.patient_id or one.patient_id == request.patient_id.lower())
            and (not request.session_id or one.session_id == request.session_id.lower())
            and (not request.states or one.state in request.states)
            and first <= one.day <= last
        ]

        def key(one: Any) -> list[str]:
            if request.order == pb.APPOINTMENT_ORDER_BOOKING:
                return [f"{self.turns[one.appointment_id]:09}"]
            return [one.day, one.starts_at, one.appointment_id]

        latest_first = request.order == pb.APPOINTMENT_ORDER_LATEST_FIRST
        shown, token = page(appointments, request, key, reverse=latest_first)
        return pb.ListAppointmentsResponse(appointments=shown, next_page_token=token, total_size=len(appointments))

    @handled
    def RescheduleAppointment(self, request: Any) -> Any:
        appointment = self._appointment(request.appointment_id)
        session = self._session(request.session_id or appointment.session_id)
        if request.version and request.version != appointment.version:
            raise Refused(grpc.StatusCode.ABORTED, f"the appointment is of version {appointment.version}")
        if appointment.state != BOOKED:
            raise blocked("only what is booked can be moved")
        if session.specialty != self.sessions[appointment.session_id].specialty:
            raise blocked("the session is of another specialty")
        self._place(appointment, session, request.starts_at)
        return self._note(appointment)

    @handled
    def CheckIn(self, request: Any) -> Any:
        appointment = self._appointment(request.appointment_id)
        if appointment.state == CHECKED_IN:
            return copied(appointment)
        if appointment.state == CANCELLED:
            raise blocked("the appointment was cancelled")
        appointment.state = CHECKED_IN
        self._stamp(appointment.check_in_time)
        return self._note(appointment)

    @handled
    def CancelAppointment(self, request: Any) -> Any:
        appointment = self._appointment(request.appointment_id)
        if appointment.state == CANCELLED:
            raise blocked("the appointment was cancelled already")
        if appointment.state == CHECKED_IN:
            raise blocked("the patient has checked in")
        begins = dt.datetime.fromisoformat(f"{appointment.day}T{appointment.starts_at}:00+00:00")
        is_late = begins - self._now() < FREE_UNTIL
        fee = cents_of(appointment.price) // 2 if is_late and not request.waive_fee else 0
        return self._cancel(appointment, request.reason, fee)

    @handled
    def SummarizeDays(self, request: Any) -> Any:
        days = day_of("day_to", request.day_to) - day_of("day_from", request.day_from)
        if days.days >= MOST_DAYS:
            raise invalid("day_to", f"must be within {MOST_DAYS} days")
        found = [one for one in self.appointments.values() if request.day_from <= one.day <= request.day_to]
        states = Counter(one.state for one in found)
        summary = pb.DaysSummary(
            total=len(found),
            booked=states[BOOKED],
            checked_in=states[CHECKED_IN],
            cancelled=states[CANCELLED],
        )
        put(summary.revenue, sum(cents_of(one.price) for one in found if one.state != CANCELLED))
        put(summary.cancellation_fees, sum(cents_of(one.cancellation.fee) for one in found))
        for day, count in sorted(Counter(one.day for one in found).items()):
            summary.days.add(day=day, appointments=count)
        return summary

    @handled
    def ExportAppointments(self, request: Any) -> Iterator[Any]:
        session = self._session(request.session_id)
        every = self.appointments.values() if request.include_cancelled else self._kept()
        found = [copied(one) for one in every if one.session_id == session.session_id]
        found.sort(key=lambda one: (one.starts_at, one.appointment_id))
        return iter(found[: request.limit] if request.limit else found)
