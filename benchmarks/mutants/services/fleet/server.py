"""The books of a fleet on grpcio's threads: vehicles, drivers, trips, refuelings, inspections. No annotation at all."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any

import grpc

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("fleet.v1.FleetService",)
pb = Messages("fleet", "fleet.v1")

AVAILABLE = pb.VEHICLE_STATUS_AVAILABLE
ON_TRIP = pb.VEHICLE_STATUS_ON_TRIP
RETIRED = pb.VEHICLE_STATUS_RETIRED
OPEN = pb.INSPECTION_STATE_OPEN

PLATE = re.compile(r"[A-Za-z0-9-]{1,10}")
TAG = re.compile(r"[a-z0-9_]{1,20}")
LICENSE = re.compile(r"[A-Za-z0-9]{5,20}")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MAX_TAGS = 5
MAX_ODOMETER_KM = 2_000_000
MAX_STEP_KM = 5_000
MAX_COST_CENTS = 1_000_000
DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 25, 100
FIRST_DAY, LAST_DAY = dt.date(2000, 1, 1), dt.date(2099, 12, 31)
MIN_SECONDS, MAX_SECONDS = -62_135_596_800, 253_402_300_799
DAYS_TO_REPEAT = dt.timedelta(days=14)


class ApiError(Exception):
    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def bad(message: str) -> ApiError:
    return ApiError(grpc.StatusCode.INVALID_ARGUMENT, message)


def conflict(message: str) -> ApiError:
    return ApiError(grpc.StatusCode.FAILED_PRECONDITION, message)


def endpoint(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """One call at a time, and errors as statuses."""

    @functools.wraps(handler)
    def handle(server: Any, request: Any, context: Any) -> Any:
        try:
            with server.lock:
                return handler(server, request)
        except ApiError as error:
            context.abort(error.code, error.message)

    return handle


def copy_of(message: Any) -> Any:
    """What is sent, as other calls may change the message in the meantime."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def check_id(name: str, value: str) -> None:
    if not value:
        raise bad(f"{name} is required")


def check_text(name: str, value: str, maximum: int, *, required: bool = False) -> None:
    if required and not value.strip():
        raise bad(f"{name} must not be blank")
    if len(value) > maximum:
        raise bad(f"{name} is too long, at most {maximum} characters are allowed")


def check_enum(name: str, enum: Any, value: int) -> None:
    if value == 0 or value not in enum.values():
        raise bad(f"{name} is required and must be a known value")


def check_plate(name: str, plate: str) -> None:
    if not PLATE.fullmatch(plate):
        raise bad(f"{name} must be 1-10 letters, digits and dashes")


def check_tank(fuel: int, liters: int) -> None:
    if fuel == pb.FUEL_ELECTRIC:
        if liters != 0:
            raise bad("electric vehicles have no tank, tank_liters must be 0")
    elif not 10 <= liters <= 1500:
        raise bad("tank_liters must be between 10 and 1500")


def clean_tags(tags: Iterable[str]) -> list[str]:
    unique = sorted(set(tags))
    if len(unique) > MAX_TAGS:
        raise bad(f"no more than {MAX_TAGS} tags are allowed")
    for tag in unique:
        if not TAG.fullmatch(tag):
            raise bad("tags must be 1-20 lowercase letters, digits or underscores")
    return unique


def check_odometer(value: int) -> None:
    if not 0 <= value <= MAX_ODOMETER_KM:
        raise bad(f"odometer_km must be 0 to {MAX_ODOMETER_KM}")


def parse_date(name: str, value: str) -> dt.date:
    if not DATE.fullmatch(value):
        raise bad(f"{name} must be a date like 2024-12-31")
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise bad(f"{name} is not a calendar date") from None


def nanoseconds(name: str, request: Any) -> int | None:
    if not request.HasField(name):
        return None
    timestamp = getattr(request, name)
    if not (MIN_SECONDS <= timestamp.seconds <= MAX_SECONDS and 0 <= timestamp.nanos < 10**9):
        raise bad(f"{name} is not a valid timestamp")
    return int(timestamp.seconds * 10**9 + timestamp.nanos)


def year_later(day: dt.date) -> dt.date:
    if (day.month, day.day) == (2, 29):
        return dt.date(day.year + 1, 2, 28)
    return day.replace(year=day.year + 1)


def sign(request: Any, position: str) -> str:
    """The token of the page behind a position, in the list that this request asks for."""
    asked = type(request)()
    asked.CopyFrom(request)
    asked.DiscardUnknownFields()
    asked.ClearField("page_size")
    asked.ClearField("page_token")
    text = asked.SerializeToString(deterministic=True) + b"|" + position.encode()
    return f"{position}~{hashlib.sha256(text).hexdigest()[:20]}"


def check_page(request: Any) -> str:
    """The position behind which the page begins; empty for the first one."""
    if request.page_size < 0:
        raise bad("page_size must not be negative")
    position: str = request.page_token.rpartition("~")[0]
    if request.page_token and sign(request, position) != request.page_token:
        raise bad("invalid page_token")
    return position


def cut(items: list[Any], request: Any, position: Callable[[Any], str]) -> tuple[list[Any], str]:
    size = min(request.page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    shown = items[:size]
    return shown, sign(request, position(shown[-1])) if len(items) > size else ""


class Server:
    """Everything in memory, behind one lock."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.lock = threading.Lock()
        self.vehicles: dict[str, Any] = {}
        self.drivers: dict[str, Any] = {}
        self.driving: set[str] = set()
        self.trips: dict[str, Any] = {}
        self.refuelings: dict[str, list[Any]] = {}
        self.inspections: dict[str, Any] = {}

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self.environment.token()}"

    def _now(self, timestamp: Any) -> None:
        timestamp.FromMilliseconds(int(self.environment.now() * 1000))

    def _today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self.environment.now(), dt.UTC).date()

    def _find(self, table: dict[str, Any], what: str, key: str) -> Any:
        if key not in table:
            raise ApiError(grpc.StatusCode.NOT_FOUND, f"{what} not found")
        return table[key]

    def _in_service(self, vehicle_id: str) -> Any:
        vehicle = self._find(self.vehicles, "vehicle", vehicle_id)
        if vehicle.status == RETIRED:
            raise conflict("vehicle is retired")
        return vehicle

    def _open_inspections(self, vehicle: Any) -> list[Any]:
        mine = [one for one in self.inspections.values() if one.vehicle_id == vehicle.id and one.state == OPEN]
        return sorted(mine, key=lambda one: (one.due_on, one.kind))

    def _shown(self, vehicle: Any) -> Any:
        shown = copy_of(vehicle)
        for refueling in self.refuelings[vehicle.id]:
            shown.fuel_liters += refueling.liters
            shown.fuel_cost_cents += refueling.cost_cents
        shown.open_inspections.extend(self._open_inspections(vehicle))
        return shown

    def _check_plate_free(self, plate: str, besides: str = "") -> None:
        for other in self.vehicles.values():
            if other.plate == plate and other.status != RETIRED and other.id != besides:
                raise ApiError(grpc.StatusCode.ALREADY_EXISTS, f"plate {plate} is already in use")

    def _check_step(self, vehicle: Any, odometer_km: int) -> None:
        if odometer_km < vehicle.odometer_km:
            raise ApiError(
                grpc.StatusCode.OUT_OF_RANGE, f"odometer_km must not be lower than the last one, {vehicle.odometer_km}"
            )
        if odometer_km > vehicle.odometer_km + MAX_STEP_KM:
            raise ApiError(
                grpc.StatusCode.OUT_OF_RANGE, f"odometer_km is more than {MAX_STEP_KM} above the last one, typo?"
            )

    @endpoint
    def RegisterVehicle(self, request: Any) -> Any:
        check_plate("plate", request.plate)
        check_text("model", request.model, 60, required=True)
        check_enum("category", pb.Category, request.category)
        check_enum("fuel", pb.Fuel, request.fuel)
        check_tank(request.fuel, request.tank_liters)
        check_odometer(request.odometer_km)
        tags = clean_tags(request.tags)
        plate = request.plate.upper()
        self._check_plate_free(plate)
        vehicle = pb.Vehicle(
            id=self._id("veh"),
            status=AVAILABLE,
            plate=plate,
            model=request.model,
            category=request.category,
            fuel=request.fuel,
            tank_liters=request.tank_liters,
            odometer_km=request.odometer_km,
            tags=tags,
        )
        self._now(vehicle.created_at)
        self.vehicles[vehicle.id] = vehicle
        self.refuelings[vehicle.id] = []
        return self._shown(vehicle)

    @endpoint
    def GetVehicle(self, request: Any) -> Any:
        check_id("id", request.id)
        return self._shown(self._find(self.vehicles, "vehicle", request.id))

    @endpoint
    def UpdateVehicle(self, request: Any) -> Any:
        check_id("id", request.id)
        if request.HasField("plate"):
            check_plate("plate", request.plate)
        if request.HasField("model"):
            check_text("model", request.model, 60, required=True)
        if request.tank_liters:
            check_tank(pb.FUEL_UNSPECIFIED, request.tank_liters)
        tags = clean_tags(request.tags.values)
        vehicle = self._in_service(request.id)
        if request.HasField("tank_liters"):
            check_tank(vehicle.fuel, request.tank_liters)
        if request.HasField("plate"):
            self._check_plate_free(request.plate.upper(), besides=vehicle.id)
            vehicle.plate = request.plate.upper()
        if request.HasField("model"):
            vehicle.model = request.model
        if request.HasField("tank_liters"):
            vehicle.tank_liters = request.tank_liters
        if request.HasField("tags"):
            vehicle.tags[:] = tags
        return self._shown(vehicle)

    @endpoint
    def RetireVehicle(self, request: Any) -> Any:
        check_id("id", request.id)
        check_text("reason", request.reason, 200, required=True)
        vehicle = self._in_service(request.id)
        if vehicle.status == ON_TRIP:
            raise conflict("vehicle is on a trip")
        for inspection in self._open_inspections(vehicle):
            inspection.state = pb.INSPECTION_STATE_CANCELED
        vehicle.status = RETIRED
        vehicle.retired_reason = request.reason
        return self._shown(vehicle)

    @endpoint
    def ListVehicles(self, request: Any) -> Any:
        if request.status:
            check_enum("status", pb.VehicleStatus, request.status)
        if request.category:
            check_enum("category", pb.Category, request.category)
        if request.tag:
            clean_tags([request.tag])
        if request.plate_prefix:
            check_plate("plate_prefix", request.plate_prefix)
        if request.inspection_due_before:
            parse_date("inspection_due_before", request.inspection_due_before)
        after = check_page(request)
        found = [one for one in self.vehicles.values() if self._matches(one, request)]
        found.sort(key=lambda one: (one.plate, one.id))
        rest = found
        if after:
            plate, _, vehicle_id = after.partition(" ")
            rest = [one for one in found if (one.plate, one.id) > (plate, vehicle_id)]
        shown, token = cut(rest, request, lambda one: f"{one.plate} {one.id}")
        return pb.ListVehiclesResponse(vehicles=map(self._shown, shown), next_page_token=token, total_size=len(found))

    def _matches(self, vehicle: Any, request: Any) -> bool:
        if request.status:
            if vehicle.status != request.status:
                return False
        elif vehicle.status == RETIRED:
            return False
        if request.category and vehicle.category != request.category:
            return False
        if request.tag and request.tag not in vehicle.tags:
            return False
        if not vehicle.plate.startswith(request.plate_prefix.upper()):
            return False
        if request.inspection_due_before:
            return any(one.due_on < request.inspection_due_before for one in self._open_inspections(vehicle))
        return True

    @endpoint
    def AddDriver(self, request: Any) -> Any:
        check_text("name", request.name, 80, required=True)
        if not LICENSE.fullmatch(request.license_number):
            raise bad("license_number must be 5 to 20 letters and digits")
        if not request.categories:
            raise bad("categories must not be empty")
        for category in request.categories:
            check_enum("categories", pb.Category, category)
        if len(set(request.categories)) < len(request.categories):
            raise bad("categories has duplicates")
        parse_date("license_valid_until", request.license_valid_until)
        if any(one.license_number.upper() == request.license_number.upper() for one in self.drivers.values()):
            raise ApiError(grpc.StatusCode.ALREADY_EXISTS, "license number is already registered")
        driver = pb.Driver(
            id=self._id("drv"),
            name=request.name,
            license_number=request.license_number,
            categories=sorted(request.categories),
            license_valid_until=request.license_valid_until,
        )
        self.drivers[driver.id] = driver
        return driver

    @endpoint
    def StartTrip(self, request: Any) -> Any:
        check_id("vehicle_id", request.vehicle_id)
        check_id("driver_id", request.driver_id)
        check_text("purpose", request.purpose, 120)
        driver = self._find(self.drivers, "driver", request.driver_id)
        vehicle = self._in_service(request.vehicle_id)
        if vehicle.status == ON_TRIP:
            raise conflict("vehicle is already on a trip")
        today = self._today().isoformat()
        if any(one.due_on < today for one in self._open_inspections(vehicle)):
            raise conflict("vehicle has an overdue inspection")
        if driver.id in self.driving:
            raise conflict("driver is already on a trip")
        if driver.license_valid_until < today:
            raise conflict("the driver's license has expired")
        if vehicle.category not in driver.categories:
            raise conflict("the driver's license doesn't cover this category")
        trip = pb.Trip(
            id=self._id("trip"),
            vehicle_id=vehicle.id,
            driver_id=driver.id,
            purpose=request.purpose,
            start_odometer_km=vehicle.odometer_km,
        )
        self._now(trip.started_at)
        self.trips[trip.id] = trip
        vehicle.status = ON_TRIP
        vehicle.current_trip_id = trip.id
        self.driving.add(driver.id)
        return copy_of(trip)

    @endpoint
    def FinishTrip(self, request: Any) -> Any:
        check_id("trip_id", request.trip_id)
        check_odometer(request.odometer_km)
        check_text("notes", request.notes, 500)
        trip = self._find(self.trips, "trip", request.trip_id)
        if trip.HasField("finished_at"):
            raise conflict("trip is already finished")
        vehicle = self.vehicles[trip.vehicle_id]
        self._check_step(vehicle, request.odometer_km)
        trip.end_odometer_km = vehicle.odometer_km = request.odometer_km
        trip.distance_km = trip.end_odometer_km - trip.start_odometer_km
        self._now(trip.finished_at)
        trip.notes = request.notes
        vehicle.status = AVAILABLE
        vehicle.trip_count += 1
        vehicle.current_trip_id = ""
        self.driving.discard(trip.driver_id)
        return copy_of(trip)

    @endpoint
    def ListTrips(self, request: Any) -> Any:
        start, end = nanoseconds("started_from", request), nanoseconds("started_until", request)
        if start is not None and end is not None and end <= start:
            raise bad("started_until must be later than started_from")
        after = check_page(request)
        found = []
        for number, trip in enumerate(self.trips.values()):
            started = trip.started_at.ToNanoseconds()
            if (
                request.vehicle_id in ("", trip.vehicle_id)
                and request.driver_id in ("", trip.driver_id)
                and not (request.only_ongoing and trip.HasField("finished_at"))
                and (start is None or started >= start)
                and (end is None or started < end)
            ):
                found.append((number, trip))
        found.reverse()
        rest = [one for one in found if one[0] < int(after)] if after else found
        shown, token = cut(rest, request, lambda one: str(one[0]))
        return pb.ListTripsResponse(
            trips=[trip for _, trip in shown],
            next_page_token=token,
            total_distance_km=sum(trip.distance_km for _, trip in found),
        )

    @endpoint
    def RecordReading(self, request: Any) -> Any:
        check_id("vehicle_id", request.vehicle_id)
        check_odometer(request.odometer_km)
        vehicle = self._in_service(request.vehicle_id)
        self._check_step(vehicle, request.odometer_km)
        driven = request.odometer_km - vehicle.odometer_km
        vehicle.odometer_km = request.odometer_km
        reading = pb.Reading(vehicle_id=vehicle.id, odometer_km=vehicle.odometer_km, driven_km=driven)
        self._now(reading.recorded_at)
        return reading

    @endpoint
    def RecordRefueling(self, request: Any) -> Any:
        check_id("vehicle_id", request.vehicle_id)
        if not request.liters > 0:
            raise bad("liters must be more than zero")
        if not 1 <= request.cost_cents <= MAX_COST_CENTS:
            raise bad(f"cost_cents must be between 1 and {MAX_COST_CENTS}")
        check_odometer(request.odometer_km)
        check_text("receipt_number", request.receipt_number, 30)
        vehicle = self._in_service(request.vehicle_id)
        if vehicle.fuel == pb.FUEL_ELECTRIC:
            raise conflict("electric vehicles can't be refueled")
        if request.liters > vehicle.tank_liters:
            raise ApiError(grpc.StatusCode.OUT_OF_RANGE, "that doesn't fit into the tank")
        self._check_step(vehicle, request.odometer_km)
        before = self.refuelings[vehicle.id]
        if request.receipt_number and any(one.receipt_number == request.receipt_number for one in before):
            raise ApiError(grpc.StatusCode.ALREADY_EXISTS, "receipt has already been booked")
        consumption = 0.0
        if before and request.odometer_km > before[-1].odometer_km:
            driven = request.odometer_km - before[-1].odometer_km
            consumption = round(request.liters * 100 / driven, 2)
        refueling = pb.Refueling(
            id=self._id("ref"),
            vehicle_id=vehicle.id,
            liters=request.liters,
            cost_cents=request.cost_cents,
            odometer_km=request.odometer_km,
            receipt_number=request.receipt_number,
            liters_per_100km=consumption,
        )
        self._now(refueling.recorded_at)
        before.append(refueling)
        vehicle.odometer_km = request.odometer_km
        return refueling

    def _schedule(self, vehicle_id: str, kind: int, due_on: dt.date) -> Any:
        inspection = pb.Inspection(
            id=self._id("insp"), vehicle_id=vehicle_id, kind=kind, due_on=due_on.isoformat(), state=OPEN
        )
        self.inspections[inspection.id] = inspection
        return inspection

    @endpoint
    def ScheduleInspection(self, request: Any) -> Any:
        check_id("vehicle_id", request.vehicle_id)
        check_enum("kind", pb.InspectionKind, request.kind)
        due_on = parse_date("due_on", request.due_on)
        if not FIRST_DAY <= due_on <= LAST_DAY:
            raise bad(f"due_on must be from {FIRST_DAY} to {LAST_DAY}")
        vehicle = self._in_service(request.vehicle_id)
        if request.kind == pb.INSPECTION_KIND_EMISSIONS and vehicle.fuel == pb.FUEL_ELECTRIC:
            raise conflict("electric vehicles have no emission tests")
        if request.kind == pb.INSPECTION_KIND_TACHOGRAPH and vehicle.category != pb.CATEGORY_TRUCK:
            raise conflict("only trucks have a tachograph")
        if any(one.kind == request.kind for one in self._open_inspections(vehicle)):
            raise ApiError(grpc.StatusCode.ALREADY_EXISTS, "there is an open inspection of this kind")
        return copy_of(self._schedule(vehicle.id, request.kind, due_on))

    @endpoint
    def CompleteInspection(self, request: Any) -> Any:
        check_id("inspection_id", request.inspection_id)
        done_on = parse_date("done_on", request.done_on) if request.done_on else self._today()
        if not FIRST_DAY <= done_on <= self._today():
            raise bad("done_on must not be in the future, nor before 2000")
        check_text("remarks", request.remarks, 500, required=not request.passed)
        inspection = self._find(self.inspections, "inspection", request.inspection_id)
        if inspection.state != OPEN:
            raise conflict("inspection isn't open")
        inspection.state = pb.INSPECTION_STATE_PASSED if request.passed else pb.INSPECTION_STATE_FAILED
        inspection.done_on = done_on.isoformat()
        inspection.remarks = request.remarks
        due_on = year_later(done_on) if request.passed else done_on + DAYS_TO_REPEAT
        following = self._schedule(inspection.vehicle_id, inspection.kind, due_on)
        return pb.CompleteInspectionResponse(inspection=inspection, next=following)
