"""A warehouse on ``grpc.aio``: SKUs that clients choose, stock in locations, a journal, reservations, counts."""

from __future__ import annotations

import base64
import functools
import hashlib
import math
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, NoReturn

import grpc
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("warehouse.v1.WarehouseService",)
pb = Messages("warehouse", "warehouse.v1")

SKU = re.compile(r"[A-Z][A-Z0-9-]{2,19}")
CODE = re.compile(r"[A-Z]-[0-9]{2}-[0-9]{2}")
ORDER = re.compile(r"[A-Za-z0-9-]{1,40}")
RESERVATION = re.compile(r"RSV-[0-9]{6,12}")
MAX_QUANTITY = 1_000_000
MAX_WEIGHT, MAX_LOAD = 5000, 50_000
MAX_ROWS, MAX_PROBLEMS = 200, 50
MAX_RESERVED_LINES, MAX_COUNTED_LINES = 20, 100
EARLIEST, LATEST = -62_135_596_800, 253_402_300_799
RECEIVE, PICK = pb.MOVEMENT_KIND_RECEIVE, pb.MOVEMENT_KIND_PICK
MOVE, ADJUST = pb.MOVEMENT_KIND_MOVE, pb.MOVEMENT_KIND_ADJUST
OPEN, SHIPPED = pb.RESERVATION_STATE_OPEN, pb.RESERVATION_STATE_SHIPPED
CANCELLED = pb.RESERVATION_STATE_CANCELLED


class Refused(Exception):
    """The status that a call ends with, and the field that is to blame if the request is invalid."""

    def __init__(self, code: grpc.StatusCode, message: str, field: str = "") -> None:
        super().__init__(code, message, field)
        self.code = code
        self.message = message
        self.field = field


def invalid(field: str, why: str) -> Refused:
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, f"{field} {why}", field)


def conflict(why: str) -> Refused:
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, why)


def exists(why: str) -> Refused:
    return Refused(grpc.StatusCode.ALREADY_EXISTS, why)


async def refuse(context: Any, refused: Refused) -> NoReturn:
    status = status_pb2.Status(code=refused.code.value[0], message=refused.message)
    if status.code == code_pb2.INVALID_ARGUMENT:
        violation = error_details_pb2.BadRequest.FieldViolation(field=refused.field, description=refused.message)
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError


def answered(handle: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Coroutine[Any, Any, Any]]:
    """A handler that ends the call with the status that the method refuses the request with."""

    @functools.wraps(handle)
    async def handler(self: Any, request: Any, context: Any) -> Any:
        try:
            return handle(self, request)
        except Refused as refused:
            await refuse(context, refused)

    return handler


def check_sku(field: str, sku: str) -> None:
    if not SKU.fullmatch(sku):
        raise invalid(field, "must be 3 to 20 capital letters, digits and hyphens, a letter first")


def check_code(field: str, code: str) -> None:
    if not CODE.fullmatch(code):
        raise invalid(field, "must look like B-04-17")


def check_range(field: str, value: float, most: float) -> None:
    if not 0 <= value <= most:
        raise invalid(field, f"must be from 0 to {most}")


def check_quantity(field: str, quantity: float, *, zero: bool = False) -> None:
    check_range(field, quantity, MAX_QUANTITY)
    if quantity == 0 and not zero:
        raise invalid(field, "must be more than 0")
    if round(quantity, 3) != quantity:
        raise invalid(field, "must have at most three decimals")


def check_whole(field: str, quantity: float, product: Any) -> None:
    if product.unit == pb.UNIT_PIECE and quantity != int(quantity):
        raise invalid(field, "must be a whole number of pieces")


def check_name(field: str, name: str) -> None:
    if not name.strip():
        raise invalid(field, "must not be blank")
    if len(name) > 100:
        raise invalid(field, "must have at most 100 characters")


def check_product(product: Any) -> None:
    check_sku("product.sku", product.sku)
    check_name("product.name", product.name)
    if product.unit not in (pb.UNIT_PIECE, pb.UNIT_KILOGRAM, pb.UNIT_LITER):
        raise invalid("product.unit", "must be piece, kilogram or liter")
    check_range("product.weight_kg", product.weight_kg, MAX_WEIGHT)
    check_quantity("product.reorder_level", product.reorder_level, zero=True)


def check_lines(lines: Any, most: int, *, zero: bool) -> None:
    if len(lines) > most:
        raise invalid("lines", f"must be at most {most}")
    seen = set()
    for index, line in enumerate(lines):
        check_sku(f"lines[{index}].sku", line.sku)
        check_quantity(f"lines[{index}].quantity", line.quantity, zero=zero)
        if line.sku in seen:
            raise invalid(f"lines[{index}].sku", "is there twice")
        seen.add(line.sku)


def check_places(request: Any) -> None:
    """Whether a movement has the locations that its kind needs."""
    source, target = bool(request.from_location), bool(request.to_location)
    if request.kind == ADJUST:
        if source == target:
            raise invalid("to_location", "or from_location is needed for an adjustment, and not both")
    else:
        if source != (request.kind in (PICK, MOVE)):
            raise invalid("from_location", "is needed for picks and moves, and only for them")
        if target != (request.kind in (RECEIVE, MOVE)):
            raise invalid("to_location", "is needed for receipts and moves, and only for them")
    for field in ("from_location", "to_location"):
        if getattr(request, field):
            check_code(field, getattr(request, field))
    if request.from_location == request.to_location:
        raise invalid("to_location", "must be another one than from_location")


def check_movement(request: Any) -> None:
    if request.kind not in (RECEIVE, PICK, MOVE, ADJUST):
        raise invalid("kind", "must be receive, pick, move or adjust")
    check_sku("sku", request.sku)
    check_quantity("quantity", request.quantity)
    check_places(request)
    if len(request.reason) > 200:
        raise invalid("reason", "must have at most 200 characters")
    if request.kind == ADJUST and not request.reason.strip():
        raise invalid("reason", "is needed for an adjustment")
    if len(request.reference) > 40:
        raise invalid("reference", "must have at most 40 characters")


def check_time(field: str, request: Any) -> None:
    if request.HasField(field):
        time = getattr(request, field)
        if not (EARLIEST <= time.seconds <= LATEST and 0 <= time.nanos < 10**9):
            raise invalid(field, "must be a time from year 1 to 9999")


def check_search(request: Any) -> None:
    for index, kind in enumerate(request.kinds):
        if kind not in (RECEIVE, PICK, MOVE, ADJUST):
            raise invalid(f"kinds[{index}]", "must be receive, pick, move or adjust")
    check_time("since", request)
    check_time("until", request)
    both = request.HasField("since") and request.HasField("until")
    if both and request.until.ToNanoseconds() < request.since.ToNanoseconds():
        raise invalid("until", "must not be before since")
    if request.page_size < 0:
        raise invalid("page_size", "must not be negative")


def fits(movement: Any, request: Any) -> bool:
    """Whether a movement passes all the filters that are set."""
    if request.sku and movement.sku != request.sku:
        return False
    if request.location and request.location not in (movement.from_location, movement.to_location):
        return False
    if request.kinds and movement.kind not in request.kinds:
        return False
    time = movement.time.ToNanoseconds()
    if request.HasField("since") and time < request.since.ToNanoseconds():
        return False
    return not (request.HasField("until") and time >= request.until.ToNanoseconds())


def fingerprint(request: Any) -> str:
    """Stands for the filters and the order of a list."""
    asked = pb.ListMovementsRequest()
    asked.CopyFrom(request)
    asked.DiscardUnknownFields()
    asked.ClearField("page_size")
    asked.ClearField("page_token")
    return hashlib.sha256(asked.SerializeToString(deterministic=True)).hexdigest()[:12]


def last_seen(request: Any) -> int:
    """The number of the last movement of the page before; 0 for the first page."""
    if not request.page_token:
        return 0
    try:
        key, _, number = base64.b64decode(request.page_token, validate=True).decode().partition(":")
        last = int(number)
    except ValueError:
        raise invalid("page_token", "is not one of ours") from None
    if key != fingerprint(request) or last < 1:
        raise invalid("page_token", "belongs to another list")
    return last


def copied(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


class Server:
    """Products, locations, the journal and reservations in memory."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.products: dict[str, Any] = {}
        self.locations: dict[str, Any] = {}
        self.stock: dict[str, dict[str, float]] = {}
        self.journal: list[Any] = []
        self.references: set[str] = set()
        self.reservations: dict[str, Any] = {}

    def _now(self, target: Any) -> None:
        target.FromMilliseconds(int(self.environment.now() * 1000))

    def _found(self, things: dict[str, Any], key: str, what: str) -> Any:
        if key not in things:
            raise Refused(grpc.StatusCode.NOT_FOUND, f"there is no {what} {key}")
        return things[key]

    def _product(self, sku: str) -> Any:
        return self._found(self.products, sku, "product")

    def _available(self, product: Any) -> float:
        return float(max(round(product.on_hand - product.reserved, 3), 0.0))

    def _shown(self, product: Any) -> Any:
        shown = copied(product)
        shown.available = self._available(product)
        return shown

    def _load(self, lines: dict[str, float]) -> float:
        return round(sum(quantity * self.products[sku].weight_kg for sku, quantity in lines.items()), 3)

    def _shown_location(self, location: Any) -> Any:
        shown = copied(location)
        lines = self.stock[location.code]
        shown.stock.extend(pb.StockLine(sku=sku, quantity=lines[sku]) for sku in sorted(lines))
        shown.load_kg = self._load(lines)
        return shown

    def _add(self, draft: Any) -> Any:
        product = pb.Product()
        for field in ("sku", "name", "unit", "weight_kg", "reorder_level", "discontinued"):
            setattr(product, field, getattr(draft, field))
        self._now(product.create_time)
        product.update_time.CopyFrom(product.create_time)
        self.products[product.sku] = product
        return product

    @answered
    def CreateProduct(self, request: Any) -> Any:
        check_product(request.product)
        if request.product.sku in self.products:
            raise exists(f"there is a product {request.product.sku}")
        return self._shown(self._add(request.product))

    @answered
    def GetProduct(self, request: Any) -> Any:
        check_sku("sku", request.sku)
        return self._shown(self._product(request.sku))

    @answered
    def UpdateProduct(self, request: Any) -> Any:
        check_sku("sku", request.sku)
        present = [field for field in ("name", "weight_kg", "reorder_level", "discontinued") if request.HasField(field)]
        if not present:
            raise invalid("name", "or another field has to be present")
        if request.HasField("name"):
            check_name("name", request.name)
        check_range("weight_kg", request.weight_kg, MAX_WEIGHT)
        check_quantity("reorder_level", request.reorder_level, zero=True)
        product = self._product(request.sku)
        if "weight_kg" in present and request.weight_kg != product.weight_kg and product.on_hand > 0:
            raise conflict("the weight can't be changed while there is stock")
        for field in present:
            setattr(product, field, getattr(request, field))
        self._now(product.update_time)
        return self._shown(product)

    @answered
    def CreateLocation(self, request: Any) -> Any:
        given = request.location
        check_code("location.code", given.code)
        if not 0 < given.max_weight_kg <= MAX_LOAD:
            raise invalid("location.max_weight_kg", f"must be more than 0 and at most {MAX_LOAD}")
        if given.code in self.locations:
            raise exists(f"there is a location {given.code}")
        location = pb.Location(code=given.code, max_weight_kg=given.max_weight_kg, single_sku=given.single_sku)
        self.locations[given.code] = location
        self.stock[given.code] = {}
        return self._shown_location(location)

    @answered
    def GetLocation(self, request: Any) -> Any:
        check_code("code", request.code)
        return self._shown_location(self._found(self.locations, request.code, "location"))

    def _check_room(self, location: Any, lines: dict[str, float]) -> None:
        """Refuse lines that couldn't lie at a location together."""
        if location.single_sku and len(lines) > 1:
            raise conflict(f"location {location.code} keeps to a single SKU")
        if self._load(lines) > location.max_weight_kg:
            raise conflict(f"location {location.code} bears {location.max_weight_kg} kg")

    def _put(self, product: Any, code: str, quantity: float) -> None:
        """Change how much of a product is at a location."""
        lines = self.stock[code]
        lines[product.sku] = round(lines.get(product.sku, 0.0) + quantity, 3)
        if lines[product.sku] == 0:
            del lines[product.sku]
        product.on_hand = round(product.on_hand + quantity, 3)

    def _book(self, movement: Any) -> Any:
        """Carry out a movement that was checked, and write it to the journal."""
        product = self.products[movement.sku]
        if movement.from_location:
            self._put(product, movement.from_location, -movement.quantity)
        if movement.to_location:
            self._put(product, movement.to_location, movement.quantity)
        movement.number = len(self.journal) + 1
        movement.on_hand_after = product.on_hand
        self._now(movement.time)
        self.journal.append(movement)
        return movement

    @answered
    def RecordMovement(self, request: Any) -> Any:
        check_movement(request)
        product = self._product(request.sku)
        check_whole("quantity", request.quantity, product)
        for code in filter(None, (request.from_location, request.to_location)):
            self._found(self.locations, code, "location")
        if request.reference in self.references:
            raise exists(f"there is a movement with the reference {request.reference}")
        if request.kind == RECEIVE and product.discontinued:
            raise conflict(f"product {product.sku} is discontinued")
        if request.from_location and self.stock[request.from_location].get(product.sku, 0.0) < request.quantity:
            raise conflict(f"there is less of {product.sku} at {request.from_location}")
        if request.kind == PICK and self._available(product) < request.quantity:
            raise conflict(f"the rest of {product.sku} is reserved")
        if request.to_location:
            lines = dict(self.stock[request.to_location])
            lines[product.sku] = round(lines.get(product.sku, 0.0) + request.quantity, 3)
            self._check_room(self.locations[request.to_location], lines)
        movement = pb.Movement()
        for field in ("kind", "sku", "quantity", "from_location", "to_location", "reason", "reference"):
            setattr(movement, field, getattr(request, field))
        if request.reference:
            self.references.add(request.reference)
        return self._book(movement)

    @answered
    def ListMovements(self, request: Any) -> Any:
        check_search(request)
        last = last_seen(request)
        size = min(request.page_size or 25, 200)
        fitting = [movement for movement in self.journal if fits(movement, request)]
        if not request.oldest_first:
            fitting.reverse()
        if last and request.oldest_first:
            fitting = [movement for movement in fitting if movement.number > last]
        elif last:
            fitting = [movement for movement in fitting if movement.number < last]
        response = pb.ListMovementsResponse(movements=fitting[:size])
        if len(fitting) > size:
            token = f"{fingerprint(request)}:{fitting[size - 1].number}"
            response.next_page_token = base64.b64encode(token.encode()).decode()
        return response

    @answered
    def CreateReservation(self, request: Any) -> Any:
        if not ORDER.fullmatch(request.order_id):
            raise invalid("order_id", "must be 1 to 40 letters, digits and hyphens")
        if not request.lines:
            raise invalid("lines", "must not be empty")
        check_lines(request.lines, MAX_RESERVED_LINES, zero=False)
        products = [self._product(line.sku) for line in request.lines]
        for index, line in enumerate(request.lines):
            check_whole(f"lines[{index}].quantity", line.quantity, products[index])
        if any(one.order_id == request.order_id and one.state == OPEN for one in self.reservations.values()):
            raise exists(f"order {request.order_id} has an open reservation")
        for product, line in zip(products, request.lines, strict=True):
            if self._available(product) < line.quantity:
                raise conflict(f"only {self._available(product)} of {line.sku} is available")
        number = f"RSV-{len(self.reservations) + 1:06}"
        reservation = pb.Reservation(reservation_id=number, order_id=request.order_id, state=OPEN)
        for product, line in zip(products, request.lines, strict=True):
            product.reserved = round(product.reserved + line.quantity, 3)
            reservation.lines.add(sku=line.sku, quantity=line.quantity)
        reservation.total_weight_kg = self._load({line.sku: line.quantity for line in reservation.lines})
        self._now(reservation.create_time)
        self.reservations[number] = reservation
        return copied(reservation)

    def _reservation(self, number: str) -> Any:
        if not RESERVATION.fullmatch(number):
            raise invalid("reservation_id", "must look like RSV-000123")
        return self._found(self.reservations, number, "reservation")

    @answered
    def GetReservation(self, request: Any) -> Any:
        return copied(self._reservation(request.reservation_id))

    def _ship(self, reservation: Any) -> None:
        """Take what is reserved from the locations. Changes nothing if there isn't enough of everything."""
        for line in reservation.lines:
            if self.products[line.sku].on_hand < line.quantity:
                raise conflict(f"there is less of {line.sku} than is reserved")
        for line in reservation.lines:
            left = line.quantity
            having = [code for code in self.stock if line.sku in self.stock[code]]
            for code in sorted(having, key=lambda one, sku=line.sku: (-self.stock[one][sku], one)):
                taken = min(left, self.stock[code][line.sku])
                if taken > 0:
                    movement = pb.Movement(kind=PICK, sku=line.sku, quantity=taken, from_location=code)
                    movement.reservation_id = reservation.reservation_id
                    self._book(movement)
                left = round(left - taken, 3)

    @answered
    def CloseReservation(self, request: Any) -> Any:
        if request.outcome not in (SHIPPED, CANCELLED):
            raise invalid("outcome", "must be shipped or cancelled")
        reservation = self._reservation(request.reservation_id)
        if reservation.state == request.outcome:
            return copied(reservation)
        if reservation.state != OPEN:
            raise conflict("the reservation was closed with another outcome")
        if request.outcome == SHIPPED:
            self._ship(reservation)
        for line in reservation.lines:
            product = self.products[line.sku]
            product.reserved = round(product.reserved - line.quantity, 3)
        reservation.state = request.outcome
        self._now(reservation.close_time)
        return copied(reservation)

    @answered
    def CountLocation(self, request: Any) -> Any:
        check_code("code", request.code)
        check_lines(request.lines, MAX_COUNTED_LINES, zero=True)
        location = self._found(self.locations, request.code, "location")
        for index, line in enumerate(request.lines):
            check_whole(f"lines[{index}].quantity", line.quantity, self._product(line.sku))
        expected = dict(self.stock[request.code])
        counted = {line.sku: line.quantity for line in request.lines}
        self._check_room(location, {sku: quantity for sku, quantity in counted.items() if quantity})
        response = pb.CountLocationResponse()
        for sku in sorted({*expected, *counted}):
            before, after = expected.get(sku, 0.0), counted.get(sku, 0.0)
            change = round(after - before, 3)
            if not change:
                response.matching += 1
                continue
            response.differences.add(sku=sku, expected=before, counted=after, difference=change)
            movement = pb.Movement(kind=ADJUST, sku=sku, quantity=abs(change), reason="count")
            if change > 0:
                movement.to_location = request.code
            else:
                movement.from_location = request.code
            self._book(movement)
        self._now(location.last_count_time)
        response.location.CopyFrom(self._shown_location(location))
        return response

    def _is_low(self, product: Any) -> bool:
        watched = product.reorder_level > 0 and not product.discontinued
        return watched and self._available(product) <= product.reorder_level

    def _low(self, product: Any) -> Any:
        available = self._available(product)
        suggested = round(2 * product.reorder_level - available, 3)
        if product.unit == pb.UNIT_PIECE:
            suggested = math.ceil(suggested)
        return pb.LowStock(
            sku=product.sku, available=available, reorder_level=product.reorder_level, suggested_quantity=suggested
        )

    @answered
    def ListLowStock(self, request: Any) -> Any:
        if request.unit not in pb.Unit.values():
            raise invalid("unit", "must be one of those that there are")
        if not 0 <= request.limit <= 100:
            raise invalid("limit", "must be from 1 to 100")
        low = [self._low(product) for product in self.products.values() if self._is_low(product)]
        low = [one for one in low if one.sku.startswith(request.sku_prefix)]
        if request.unit:
            low = [one for one in low if self.products[one.sku].unit == request.unit]
        low.sort(key=lambda one: (-round(one.reorder_level - one.available, 3), one.sku))
        return pb.ListLowStockResponse(entries=low[: request.limit or 20], total=len(low))

    def _import(self, product: Any, seen: Iterable[str]) -> bool:
        """Take one row; tells whether the product is new."""
        check_product(product)
        if product.sku in seen:
            raise invalid("product.sku", "is there twice")
        known = self.products.get(product.sku)
        if known is None:
            self._add(product)
            return True
        if known.unit != product.unit or known.weight_kg != product.weight_kg:
            raise conflict("unit and weight can't be changed by an import")
        known.name, known.reorder_level = product.name, product.reorder_level
        self._now(known.update_time)
        return False

    async def ImportProducts(self, requests: AsyncIterator[Any], context: Any) -> Any:
        rows = []
        async for request in requests:
            rows.append(request.product)
            if len(rows) > MAX_ROWS:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"more than {MAX_ROWS} rows")
        response = pb.ImportProductsResponse()
        seen: set[str] = set()
        for number, product in enumerate(rows, start=1):
            try:
                if self._import(product, seen):
                    response.created += 1
                else:
                    response.updated += 1
            except Refused as refused:
                response.rejected += 1
                if len(response.problems) < MAX_PROBLEMS:
                    response.problems.add(row=number, sku=product.sku, message=refused.message)
            seen.add(product.sku)
        return response
