"""The tracking of parcels on grpcio's threads: proto2, with errors as plain texts."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import Any

import grpc

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("parcels.Tracking",)
pb = Messages("parcels", "parcels")

HEAVIEST = 30_000
LONGEST_SIDE = 1_750
MOST_LINES = 5
MOST_FOUND = 50
MOST_LEGS = 100
ZONES = {"NL": 1, "BE": 2, "DE": 2, "LU": 2, "FR": 3, "GB": 4}
FACTORS = {0: 1, 1: 2, 5: 4}


class Wrong(Exception):
    """What is wrong with a request, in words."""


def check_address(to: Any) -> None:
    if not to.name or len(to.name) > 100:
        raise Wrong("the name must have 1 to 100 characters")
    if len(to.lines) > MOST_LINES:
        raise Wrong("the address has too many lines")
    for line in to.lines:
        if not line or len(line) > 100:
            raise Wrong("each line of the address must have 1 to 100 characters")
    if to.HasField("postcode") and not 3 <= len(to.postcode) <= 10:
        raise Wrong("the postcode must have 3 to 10 characters")
    if to.country not in ZONES:
        raise Wrong("we don't deliver to this country")


def check_size(size: Any) -> None:
    for side in (size.length, size.width, size.height):
        if side < 1 or side > LONGEST_SIDE:
            raise Wrong(f"each side must have 1 to {LONGEST_SIDE} millimeters")


def check_weight(grams: int) -> None:
    if grams < 1 or grams > HEAVIEST:
        raise Wrong(f"the weight must be from 1 to {HEAVIEST} grams")


def check_registration(request: Any) -> None:
    check_address(request.to)
    check_weight(request.grams)
    if request.HasField("size"):
        check_size(request.size)
    if request.HasField("reference") and not 1 <= len(request.reference) <= 40:
        raise Wrong("the reference must have 1 to 40 characters")
    if len(request.codes) > 20:
        raise Wrong("there are too many codes")
    if len(request.label) > 4096:
        raise Wrong("the label has more than 4096 bytes")


def check_scan(request: Any) -> None:
    if not request.place or len(request.place) > 60:
        raise Wrong("the place must have 1 to 60 characters")
    if request.at < 0:
        raise Wrong("the time must not be before 1970")


def price(grams: int, service: int, country: str, insured: float) -> int:
    """What it costs, in cents."""
    steps = 1 + (grams - 1) // 500
    cents = (400 + 50 * steps) * ZONES[country] * FACTORS[service]
    if insured > 0:
        cents += max(100, math.ceil(insured))
    return cents


class Server:
    """Parcels in memory."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.lock = threading.Lock()
        self.parcels: dict[int, Any] = {}
        self.references: dict[str, int] = {}
        self.last = 1000

    def _parcel(self, number: int, context: Any) -> Any:
        if number not in self.parcels:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no parcel {number}")
        return self.parcels[number]

    def Register(self, request: Any, context: Any) -> Any:
        try:
            check_registration(request)
        except Wrong as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        with self.lock:
            if request.HasField("reference") and request.reference in self.references:
                context.abort(grpc.StatusCode.ALREADY_EXISTS, "there is a parcel of this reference")
            self.last += 1
            parcel = pb.Parcel(number=self.last, to=request.to, grams=request.grams, service=request.service)
            if request.HasField("size"):
                size = request.size
                parcel.size.length, parcel.size.width = size.length, size.width
                if size.HasField("height"):
                    parcel.size.height = size.height
            if request.HasField("reference"):
                parcel.reference = request.reference
                self.references[request.reference] = parcel.number
            if request.HasField("label"):
                parcel.label = request.label
            parcel.codes.extend(request.codes)
            self.parcels[parcel.number] = parcel
            return parcel

    def Lookup(self, request: Any, context: Any) -> Any:
        arm = request.WhichOneof("by")
        if arm is None:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "number or reference is needed")
        with self.lock:
            number = request.number
            if arm == "reference":
                if request.reference not in self.references:
                    context.abort(grpc.StatusCode.NOT_FOUND, "there is no parcel of this reference")
                number = self.references[request.reference]
            return self._parcel(number, context)

    def Find(self, request: Any, context: Any) -> Any:
        if request.limit < 1 or request.limit > MOST_FOUND:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"limit must be from 1 to {MOST_FOUND}")
        reply = pb.FindReply(more=False)
        with self.lock:
            for number in sorted(self.parcels):
                parcel = self.parcels[number]
                if number <= request.after:
                    continue
                if request.HasField("postcode") and parcel.to.postcode != request.postcode:
                    continue
                if request.HasField("delivered") and parcel.delivered != request.delivered:
                    continue
                if len(reply.parcels) == request.limit:
                    reply.more = True
                    break
                reply.parcels.append(parcel)
        return reply

    def _note(self, request: Any) -> Any:
        """Note a scan. Raises LookupError for a parcel that isn't there, ValueError for one that is delivered."""
        if request.number not in self.parcels:
            raise LookupError(f"there is no parcel {request.number}")
        parcel = self.parcels[request.number]
        if parcel.delivered:
            raise ValueError("the parcel is delivered")
        if len(parcel.leg) >= MOST_LEGS:
            raise ValueError("the parcel was scanned too often")
        leg = parcel.leg.add(place=request.place, event=request.event)
        leg.at = request.at if request.HasField("at") else int(self.environment.now())
        if request.event == pb.Parcel.DELIVERED:
            parcel.delivered = True
        return parcel

    def Scan(self, request: Any, context: Any) -> Any:
        try:
            check_scan(request)
            with self.lock:
                return self._note(request)
        except Wrong as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except LookupError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, error.args[0])
        except ValueError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    def ScanAll(self, requests: Iterator[Any], context: Any) -> Any:
        summary = pb.ScanSummary(noted=0)
        for index, request in enumerate(requests):
            try:
                check_scan(request)
                with self.lock:
                    self._note(request)
                summary.noted += 1
            except (Wrong, LookupError, ValueError) as error:
                if len(summary.failure) < 100:
                    summary.failure.add(index=index, reason=error.args[0])
        return summary

    def History(self, request: Any, context: Any) -> Iterator[Any]:
        with self.lock:
            legs = list(self._parcel(request.number, context).leg)
        for leg in legs:
            if not request.HasField("event") or leg.event == request.event:
                yield leg

    def Redirect(self, request: Any, context: Any) -> Any:
        try:
            check_address(request.to)
        except Wrong as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        with self.lock:
            parcel = self._parcel(request.number, context)
            if len(parcel.leg) > 0:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the parcel is on its way")
            parcel.to.CopyFrom(request.to)
            return parcel

    def Forget(self, request: Any, context: Any) -> Any:
        with self.lock:
            parcel = self._parcel(request.number, context)
            if parcel.HasField("reference"):
                del self.references[parcel.reference]
            del self.parcels[request.number]
        return pb.ForgetReply()

    def Price(self, request: Any, context: Any) -> Any:
        try:
            check_weight(request.grams)
            if request.country not in ZONES:
                raise Wrong("we don't deliver to this country")
            if not 0 <= request.insured <= 50_000:
                raise Wrong("what is insured must be from 0 to 50000")
        except Wrong as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return pb.PriceReply(cents=price(request.grams, request.service, request.country, request.insured))
