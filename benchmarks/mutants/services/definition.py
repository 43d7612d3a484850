"""The services that there are: where each stands, on which server it runs, and the bugs that were written for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.mutants.services.messages import FOLDER
from benchmarks.mutants.services.patches import Bug, parsed
from grpcmock.errors import did_you_mean


class Runtime(StrEnum):
    """What a service runs on."""

    AIO = "grpc.aio"
    SYNC = "grpcio"
    GO = "grpc-go"
    NODE = "grpc-js"


_SOURCES = {Runtime.AIO: "server.py", Runtime.SYNC: "server.py", Runtime.GO: "main.go", Runtime.NODE: "server.js"}


@dataclass(frozen=True, slots=True)
class Definition:
    """One service."""

    name: str
    runtime: Runtime
    about: str
    kept_out: bool = False
    """Whether it is measured only where that is asked for, so that nobody fits a fuzzer to it."""

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def source(self) -> Path:
        """The file that holds the handlers."""
        return self.folder / _SOURCES[self.runtime]

    @property
    def in_python(self) -> bool:
        return self.runtime in (Runtime.AIO, Runtime.SYNC)

    @property
    def module(self) -> str:
        return f"{__package__}.{self.name}.server"

    def blind(self) -> dict[str, Bug]:
        """The bugs that were written for it, by their names."""
        return {bug.name: bug for bug in parsed((self.folder / "bugs.patch").read_text())}


_ALL = (
    Definition("library", Runtime.AIO, "google.api: ids that users choose, parents, masks, pages"),
    Definition("booking", Runtime.SYNC, "protovalidate, with CEL across fields", kept_out=True),
    Definition("parcels", Runtime.SYNC, "proto2: groups, required, defaults, enums that are closed"),
    Definition("tickets", Runtime.AIO, "no annotation: ids of the server, validation by hand", kept_out=True),
    Definition("events", Runtime.AIO, "streams of events, uploads and downloads, leases"),
    Definition("ledger", Runtime.SYNC, "OK with a result inside; money, dates"),
    Definition("documents", Runtime.AIO, "soft deletion, etags, request ids, long-running operations"),
    Definition(
        "clinic", Runtime.SYNC, "protovalidate, with CEL; days, times, capacity, quotes in money, keys of requests"
    ),
    Definition("projects", Runtime.AIO, "a planner: ids of the server, optional fields, states, filters, a triage"),
    Definition("shop", Runtime.AIO, "a catalog with SKUs, carts, coupons, orders and returns", kept_out=True),
    Definition("fleet", Runtime.SYNC, "no annotation: vehicles, trips, refuelings, inspections; rules in prose"),
    Definition(
        "subscriptions", Runtime.AIO, "plans, invoices, payments, credits; proration, masks, keys, events, usage"
    ),
    Definition("warehouse", Runtime.AIO, "products, bins, a journal of movements, reservations, counts, an import"),
    Definition("school", Runtime.SYNC, "protovalidate here and there; waiting lists, grades, attendance, transcripts"),
    Definition(
        "auctions", Runtime.AIO, "protovalidate on half of it; proxy bids, deposits, settlements, an import, a search"
    ),
    Definition("insurance", Runtime.SYNC, "no annotation: policies, items, claims, documents, payouts, quotes, totals"),
    Definition("keyvalue", Runtime.GO, "ranges of keys, revisions, transactions, leases, watches"),
    Definition("routes", Runtime.NODE, "places on a map; all four kinds of RPC"),
    Definition("secrets", Runtime.GO, "google.api: versions with states, etags, masks, filters, a watch"),
)

SERVICES = {one.name: one for one in _ALL}


def service(name: str) -> Definition:
    """The service of this name. Raises :class:`LookupError`, with the nearest name."""
    if name not in SERVICES:
        raise LookupError(f"There is no service {name!r}. {did_you_mean(name, SERVICES)}".rstrip())
    return SERVICES[name]
