"""An auction house on grpc.aio: members, lots and their watch lists, auctions, proxy bids, deposits, settlements."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from asyncio import Lock
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc
import protovalidate
from google.protobuf import message_factory
from google.rpc import error_details_pb2, status_pb2

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("auctions.v1.AuctionHouse",)
pb = Messages("auctions", "auctions.v1")
Timestamp: Any = type(pb.Lot().create_time)
Empty = message_factory.GetMessageClass(pb.Lot.DESCRIPTOR.file.pool.FindMessageTypeByName("google.protobuf.Empty"))
validator = protovalidate.Validator()
Code = grpc.StatusCode

NANOS = 1_000_000_000
DAY = 86_400
SHORTEST, LONGEST = 60, 30 * DAY
LEAST_START, MOST_START = 100, 1_000_000_000
MOST_CENTS = 10_000_000_000
MOST_EXTENSION, MOST_BASIS_POINTS = 3600, 5000
MOST_WATCHED, MOST_IMPORTED = 50, 500
PREMIUM_LIMIT, LEAST_COMMISSION = 1_000_000, 500
DEFAULT_PAGE, LARGEST_PAGE = 25, 200
STEPS = ((10_000, 500), (100_000, 2_500))
LARGEST_STEP = 10_000
INVENTORY_NUMBER = re.compile(r"[A-Z0-9-]{1,20}")
CHANGEABLE_IN_AUCTION = {"description", "keywords"}
PUBLIC = ["inventory_number", "title", "description", "category", "starting_price_cents", "increment_cents", "keywords"]
PUBLIC += ["estimate_low_cents", "estimate_high_cents"]
TERMS = ["code", "starts_at", "extension_seconds", "deposit_cents", "premium_basis_points", "commission_basis_points"]


class Refused(Exception):
    """The status that a call ends with, and the field to blame if there is one."""

    def __init__(self, code: grpc.StatusCode, message: str, path: str = "") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.path = path


def invalid(path: str, why: str) -> Refused:
    return Refused(Code.INVALID_ARGUMENT, f"{path} {why}", path)


def conflict(why: str) -> Refused:
    return Refused(Code.FAILED_PRECONDITION, why)


async def refuse(context: Any, refused: Refused) -> None:
    status = status_pb2.Status(code=refused.code.value[0], message=refused.message)
    if refused.path:
        bad = error_details_pb2.BadRequest()
        bad.field_violations.add(field=refused.path, description=refused.message)
        status.details.add().Pack(bad)
    await context.abort(refused.code, refused.message, (("grpc-status-details-bin", status.SerializeToString()),))


def check_rules(message: Any, within: str = "") -> None:
    """The rules that stand in the protos."""
    try:
        found = validator.collect_violations(message, fail_fast=True)
    except protovalidate.EvaluationError as error:
        raise Refused(Code.INVALID_ARGUMENT, "a rule can't be evaluated for this request") from error
    for violation in found:
        elements = violation.proto.field.elements if violation.proto.field is not None else ()
        names = (f"{one.field_name}[{one.subscript.value}]" if one.subscript else one.field_name for one in elements)
        path = within + ".".join(names)
        raise Refused(Code.INVALID_ARGUMENT, f"{path} {violation.proto.message}".strip(), path.rstrip("."))


def handled(handler: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any, Any], Awaitable[Any]]:
    """A method that only reads, or needs no more than one turn of the loop."""

    @functools.wraps(handler)
    async def handle(server: Any, request: Any, context: Any) -> Any:
        try:
            check_rules(request)
            return await handler(server, request)
        except Refused as refused:
            await refuse(context, refused)

    return handle


def changing(handler: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any, Any], Awaitable[Any]]:
    """A method that changes something: one at a time."""

    @functools.wraps(handler)
    async def alone(server: Any, request: Any) -> Any:
        async with server.lock:
            return await handler(server, request)

    return handled(alone)


def check_text(path: str, text: str, most: int) -> None:
    if not text.strip():
        raise invalid(path, "must not be blank")
    if len(text) > most:
        raise invalid(path, f"must have at most {most} characters")


def check_range(path: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise invalid(path, f"must be from {least} to {most}")


def check_draft(draft: Any, path: str = "lot") -> None:
    check_rules(draft, f"{path}.")
    if not INVENTORY_NUMBER.fullmatch(draft.inventory_number):
        raise invalid(f"{path}.inventory_number", "must be 1 to 20 capital letters, digits and dashes")
    check_text(f"{path}.title", draft.title, 120)
    if len(draft.description) > 2000:
        raise invalid(f"{path}.description", "must have at most 2000 characters")
    check_range(f"{path}.starting_price_cents", draft.starting_price_cents, LEAST_START, MOST_START)
    if draft.reserve_price_cents:
        check_range(f"{path}.reserve_price_cents", draft.reserve_price_cents, draft.starting_price_cents, MOST_CENTS)


def nanos_of(path: str, time: Timestamp) -> int:
    if not (-62_135_596_800 <= time.seconds <= 253_402_300_799 and 0 <= time.nanos < NANOS):
        raise invalid(path, "is no time of the years 1 to 9999")
    return int(time.seconds) * NANOS + int(time.nanos)


def time_of(nanos: int) -> Timestamp:
    return Timestamp(seconds=nanos // NANOS, nanos=nanos % NANOS)


def copied(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def merge(target: Any, source: Any, names: Iterable[str]) -> None:
    """Set these fields of the target to what they are in the source."""
    target.MergeFrom(type(target)(**{name: getattr(source, name) for name in names}))


def fingerprint(request: Any, *without: str) -> str:
    plain = copied(request)
    plain.DiscardUnknownFields()
    for name in without:
        plain.ClearField(name)
    return hashlib.sha256(plain.SerializeToString(deterministic=True)).hexdigest()[:20]


def token_for(request: Any, start: int) -> str:
    text = f"{fingerprint(request, 'page_size', 'page_token')}/{start}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def start_of(request: Any) -> int:
    """Where the page begins that the token of the request stands for."""
    if not request.page_token:
        return 0
    try:
        start = int(base64.urlsafe_b64decode(request.page_token.encode()).decode().partition("/")[2])
    except ValueError:
        raise invalid("page_token", "is no token of this server") from None
    if start < 1 or request.page_token != token_for(request, start):
        raise invalid("page_token", "belongs to another search")
    return start


def ordering(text: str) -> list[tuple[str, bool]]:
    """The fields that lots are sorted by, and whether the greatest comes first."""
    order: list[tuple[str, bool]] = []
    for part in text.split(",") if text.strip() else ():
        name, *direction = part.split() or [""]
        if name not in ORDERS or direction not in ([], ["desc"]) or name in dict(order):
            raise invalid("order_by", f"must name {', '.join(ORDERS)}, each once at most and with or without desc")
        order.append((name, bool(direction)))
    return order


def rounded(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def premium_of(hammer: int, basis_points: int) -> int:
    above = max(0, hammer - PREMIUM_LIMIT)
    return rounded(basis_points * (2 * (hammer - above) + above), 20_000)


def commission_of(hammer: int, basis_points: int) -> int:
    return min(hammer, max(LEAST_COMMISSION, rounded(basis_points * hammer, 10_000)))


@dataclass(eq=False)
class LotRecord:
    """A lot, with what only the house knows."""

    lot_id: str
    seller: str
    draft: Any
    created: Timestamp
    updated: Timestamp
    state: int
    watchers: set[str] = field(default_factory=set)
    auction: AuctionRecord | None = None

    @property
    def price(self) -> int:
        bid = self.auction.leading if self.auction else None
        return int(bid.amount_cents if bid else self.draft.starting_price_cents)

    def step(self, price: int) -> int:
        """How much more than this price the next bid has to be."""
        if self.draft.increment_cents:
            return int(self.draft.increment_cents)
        return next((step for limit, step in STEPS if price < limit), LARGEST_STEP)

    def shown(self) -> Any:
        shown = pb.Lot(lot_id=self.lot_id, seller=self.seller, state=self.state, price_cents=self.price)
        merge(shown, self.draft, PUBLIC)
        shown.has_reserve = self.draft.reserve_price_cents > 0
        shown.auction_code = self.auction.code if self.auction else ""
        shown.watcher_count = len(self.watchers)
        shown.create_time.CopyFrom(self.created)
        shown.update_time.CopyFrom(self.updated)
        return shown


@dataclass(eq=False)
class AuctionRecord:
    """An auction. The limit is how far its leader would go."""

    terms: Any
    lot: LotRecord
    state: int
    ends: int
    reserve: int
    bids: list[Any] = field(default_factory=list)
    leading: Any = None
    limit: int = 0
    extensions: int = 0
    closed: Timestamp | None = None
    answers: dict[str, tuple[str, Any]] = field(default_factory=dict)
    settlement: Any = None
    ratings: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return str(self.terms.code)

    @property
    def minimum(self) -> int:
        if self.leading is None:
            return int(self.lot.draft.starting_price_cents)
        price = int(self.leading.amount_cents)
        return price + self.lot.step(price)

    @property
    def reserve_met(self) -> bool:
        return self.leading is not None and self.leading.amount_cents >= self.reserve

    def shown(self) -> Any:
        shown = pb.Auction(lot_id=self.lot.lot_id, seller=self.lot.seller, state=self.state, closed_at=self.closed)
        merge(shown, self.terms, TERMS)
        shown.ends_at.CopyFrom(time_of(self.ends))
        if self.leading is not None:
            shown.current_price_cents, shown.leader = self.leading.amount_cents, self.leading.bidder
        shown.minimum_bid_cents = self.minimum if self.state == pb.AUCTION_STATE_OPEN else 0
        shown.reserve_met = self.reserve_met
        shown.bid_count = len(self.bids)
        shown.bidder_count = len({one.bidder for one in self.bids})
        shown.extension_count = self.extensions
        return shown


ORDERS: dict[str, Callable[[LotRecord], Any]] = {
    "price_cents": lambda lot: lot.price,
    "title": lambda lot: lot.draft.title.casefold(),
    "estimate_low_cents": lambda lot: lot.draft.estimate_low_cents,
    "watcher_count": lambda lot: len(lot.watchers),
}


class Server:
    """The house, in memory."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.lock = Lock()
        self.members: dict[str, Any] = {}
        self.lots: dict[str, LotRecord] = {}
        self.auctions: dict[str, AuctionRecord] = {}
        self.deposits: dict[str, Any] = {}
        self.ratings: dict[str, list[int]] = {}
        self.bid_ids: set[str] = set()
        self.journal: deque[str] = deque(maxlen=1000)

    def _id(self, prefix: str, taken: Iterable[str]) -> str:
        while True:
            made = f"{prefix}_{self.environment.token()}"
            if made not in taken:
                return made

    def _now(self) -> Timestamp:
        return time_of(int(self.environment.now() * 1000) * 1_000_000)

    async def _note(self, what: str) -> None:
        """Write a movement of money or a bid to the journal, before it takes effect."""
        await self.environment.pause(0.002)
        self.journal.append(what)

    def _found(self, things: dict[str, Any], path: str, key: str) -> Any:
        if not key:
            raise invalid(path, "must not be empty")
        if key not in things:
            raise Refused(Code.NOT_FOUND, f"{path} stands for nothing that exists")
        return things[key]

    def _member(self, path: str, handle: str) -> Any:
        return self._found(self.members, path, handle)

    def _lot(self, lot_id: str) -> LotRecord:
        lot: LotRecord = self._found(self.lots, "lot_id", lot_id)
        return lot

    def _auction(self, code: str) -> AuctionRecord:
        auction: AuctionRecord = self._found(self.auctions, "code", code)
        return auction

    def _held(self, auction: AuctionRecord) -> list[Any]:
        of_auction = (one for one in self.deposits.values() if one.code == auction.code)
        return [one for one in of_auction if one.state == pb.DEPOSIT_STATE_HELD]

    def _shown_member(self, member: Any) -> Any:
        shown = copied(member)
        mine = (one for one in self.deposits.values() if one.member == member.handle)
        shown.deposits_held_cents = sum(one.amount_cents for one in mine if one.state == pb.DEPOSIT_STATE_HELD)
        stars = self.ratings[member.handle]
        shown.rating_count = len(stars)
        if stars:
            shown.rating_average = rounded(100 * sum(stars), len(stars)) / 100
        return shown

    @changing
    async def RegisterMember(self, request: Any) -> Any:
        check_text("display_name", request.display_name, 80)
        if request.handle in self.members:
            raise Refused(Code.ALREADY_EXISTS, "the handle is taken")
        if any(one.email.casefold() == request.email.casefold() for one in self.members.values()):
            raise Refused(Code.ALREADY_EXISTS, "a member has this email")
        member = pb.Member(create_time=self._now())
        merge(member, request, ("handle", "display_name", "email", "roles"))
        self.members[member.handle] = member
        self.ratings[member.handle] = []
        return self._shown_member(member)

    @handled
    async def GetMember(self, request: Any) -> Any:
        return self._shown_member(self._member("handle", request.handle))

    @changing
    async def SetWatch(self, request: Any) -> Any:
        member, lot = self._member("handle", request.handle), self._lot(request.lot_id)
        if not request.watching:
            lot.watchers.discard(member.handle)
        elif member.handle not in lot.watchers:
            if sum(member.handle in one.watchers for one in self.lots.values()) >= MOST_WATCHED:
                raise Refused(Code.RESOURCE_EXHAUSTED, f"the watch list holds {MOST_WATCHED} lots")
            lot.watchers.add(member.handle)
        return lot.shown()

    def _seller(self, path: str, handle: str) -> Any:
        member = self._member(path, handle)
        if pb.ROLE_SELLER not in member.roles:
            raise conflict("the member is no seller")
        return member

    def _check_number_is_free(self, seller: str, number: str, but: LotRecord | None = None) -> None:
        for lot in self.lots.values():
            if lot is not but and lot.seller == seller and lot.draft.inventory_number == number:
                raise Refused(Code.ALREADY_EXISTS, "the seller has a lot with this inventory number")

    def _add_lot(self, seller: str, draft: Any) -> LotRecord:
        now = self._now()
        lot_id = self._id("lot", self.lots)
        lot = LotRecord(lot_id, seller, copied(draft), now, now, pb.LOT_STATE_AVAILABLE)
        self.lots[lot_id] = lot
        return lot

    @changing
    async def CreateLot(self, request: Any) -> Any:
        check_draft(request.lot)
        seller = self._seller("seller", request.seller)
        self._check_number_is_free(seller.handle, request.lot.inventory_number)
        return self._add_lot(seller.handle, request.lot).shown()

    @handled
    async def GetLot(self, request: Any) -> Any:
        return self._lot(request.lot_id).shown()

    @changing
    async def UpdateLot(self, request: Any) -> Any:
        known = pb.LotDraft.DESCRIPTOR.fields_by_name
        paths = list(request.update_mask.paths) or [one.name for one, _ in request.lot.ListFields()]
        if paths == ["*"]:
            paths = list(known)
        if any(path not in known for path in paths):
            raise invalid("update_mask", "names a field that LotDraft doesn't have")
        lot = self._lot(request.lot_id)
        draft = copied(lot.draft)
        for path in paths:
            draft.ClearField(path)
        merge(draft, request.lot, set(paths))
        check_draft(draft)
        if lot.state == pb.LOT_STATE_SOLD:
            raise conflict("the lot is sold")
        if lot.state != pb.LOT_STATE_AVAILABLE and not CHANGEABLE_IN_AUCTION.issuperset(paths):
            raise conflict("the lot is in an auction, where only description and keywords can be changed")
        self._check_number_is_free(lot.seller, draft.inventory_number, lot)
        lot.draft = draft
        lot.updated = self._now()
        return lot.shown()

    @changing
    async def DeleteLot(self, request: Any) -> Any:
        lot = self._lot(request.lot_id)
        if lot.state != pb.LOT_STATE_AVAILABLE:
            raise conflict("the lot is in an auction, or sold")
        del self.lots[lot.lot_id]
        return Empty()

    async def _read_import(self, messages: AsyncIterator[Any]) -> tuple[Any, list[Any]]:
        header, drafts = None, []
        async for message in messages:
            check_rules(message)
            is_header = message.WhichOneof("part") == "header"
            if is_header != (header is None):
                raise invalid("header", "must be the first message, and no other one")
            if is_header:
                header = message.header
                continue
            drafts.append(message.lot)
            if len(drafts) > MOST_IMPORTED:
                raise Refused(Code.RESOURCE_EXHAUSTED, f"an import has at most {MOST_IMPORTED} lots")
        if header is None:
            raise invalid("header", "must be the first message")
        return header, drafts

    def _import(self, header: Any, drafts: list[Any]) -> Any:
        seller = self._seller("header.seller", header.seller)
        response = pb.ImportLotsResponse()
        numbers = {lot.draft.inventory_number for lot in self.lots.values() if lot.seller == seller.handle}
        taken = []
        for position, draft in enumerate(drafts, start=1):
            try:
                check_draft(draft)
                if draft.inventory_number in numbers:
                    raise Refused(Code.ALREADY_EXISTS, "the seller has a lot with this inventory number")
            except Refused as refused:
                if header.strict:
                    raise
                response.rejected.add(
                    position=position, inventory_number=draft.inventory_number
                ).reason = refused.message
            else:
                taken.append(draft)
                numbers.add(draft.inventory_number)
        response.lot_ids.extend(self._add_lot(seller.handle, draft).lot_id for draft in taken)
        response.starting_price_total_cents = sum(draft.starting_price_cents for draft in taken)
        return response

    async def ImportLots(self, messages: AsyncIterator[Any], context: Any) -> Any:
        try:
            header, drafts = await self._read_import(messages)
            async with self.lock:
                return self._import(header, drafts)
        except Refused as refused:
            await refuse(context, refused)

    def _filters(self, request: Any) -> list[Callable[[LotRecord], bool]]:
        """What a lot has to pass to be found."""
        filters: list[Callable[[LotRecord], bool]] = []
        if request.text:
            text = request.text.casefold()
            filters.append(lambda lot: text in lot.draft.title.casefold() or text in lot.draft.description.casefold())
        if request.seller:
            seller = self._member("seller", request.seller).handle
            filters.append(lambda lot: lot.seller == seller)
        if request.categories:
            filters.append(lambda lot: lot.draft.category in request.categories)
        if request.states:
            filters.append(lambda lot: lot.state in request.states)
        if request.keywords:
            filters.append(lambda lot: set(request.keywords) <= set(lot.draft.keywords))
        if request.HasField("min_price_cents"):
            filters.append(lambda lot: lot.price >= request.min_price_cents)
        if request.HasField("max_price_cents"):
            filters.append(lambda lot: lot.price <= request.max_price_cents)
        if request.watched_by:
            watcher = self._member("watched_by", request.watched_by).handle
            filters.append(lambda lot: watcher in lot.watchers)
        return filters

    @handled
    async def SearchLots(self, request: Any) -> Any:
        if request.page_size < 0:
            raise invalid("page_size", "must not be negative")
        has_both = request.HasField("min_price_cents") and request.HasField("max_price_cents")
        if has_both and request.min_price_cents > request.max_price_cents:
            raise invalid("min_price_cents", "must not be above max_price_cents")
        order = ordering(request.order_by)
        start = start_of(request)
        filters = self._filters(request)
        lots = [lot for lot in self.lots.values() if all(passes(lot) for passes in filters)]
        for name, descending in reversed(order):
            lots.sort(key=ORDERS[name], reverse=descending)
        end = start + min(request.page_size or DEFAULT_PAGE, LARGEST_PAGE)
        return pb.SearchLotsResponse(
            lots=[lot.shown() for lot in lots[start:end]],
            next_page_token=token_for(request, end) if end < len(lots) else "",
            total_size=len(lots),
        )

    @changing
    async def ScheduleAuction(self, request: Any) -> Any:
        starts, ends = nanos_of("starts_at", request.starts_at), nanos_of("ends_at", request.ends_at)
        if not SHORTEST * NANOS <= ends - starts <= LONGEST * NANOS:
            raise invalid("ends_at", "must be from one minute to 30 days after starts_at")
        check_range("extension_seconds", request.extension_seconds, 0, MOST_EXTENSION)
        check_range("commission_basis_points", request.commission_basis_points, 0, MOST_BASIS_POINTS)
        lot = self._lot(request.lot_id)
        if request.code in self.auctions:
            raise Refused(Code.ALREADY_EXISTS, "there is an auction with this code")
        if lot.state != pb.LOT_STATE_AVAILABLE:
            raise conflict("the lot is in an auction, or sold")
        reserve = int(lot.draft.reserve_price_cents)
        auction = AuctionRecord(copied(request), lot, pb.AUCTION_STATE_SCHEDULED, ends, reserve)
        self.auctions[auction.code] = auction
        lot.auction = auction
        lot.state = pb.LOT_STATE_SCHEDULED
        return auction.shown()

    @handled
    async def GetAuction(self, request: Any) -> Any:
        return self._auction(request.code).shown()

    @changing
    async def OpenAuction(self, request: Any) -> Any:
        auction = self._auction(request.code)
        if auction.state != pb.AUCTION_STATE_SCHEDULED:
            raise conflict("the auction has been opened before")
        auction.state = pb.AUCTION_STATE_OPEN
        auction.lot.state = pb.LOT_STATE_ON_SALE
        return auction.shown()

    def _check_not_closed(self, auction: AuctionRecord) -> None:
        if auction.state not in (pb.AUCTION_STATE_SCHEDULED, pb.AUCTION_STATE_OPEN):
            raise conflict("the auction is closed")

    @changing
    async def ExtendAuction(self, request: Any) -> Any:
        ends = nanos_of("ends_at", request.ends_at)
        auction = self._auction(request.code)
        self._check_not_closed(auction)
        if ends <= auction.ends:
            raise Refused(Code.OUT_OF_RANGE, "the new end must be after the present one", "ends_at")
        if ends > auction.terms.starts_at.ToNanoseconds() + LONGEST * NANOS:
            raise Refused(Code.OUT_OF_RANGE, "the new end is more than 30 days after the start", "ends_at")
        auction.ends = ends
        return auction.shown()

    def _check_may_bid(self, member: Any, auction: AuctionRecord) -> None:
        if pb.ROLE_BIDDER not in member.roles:
            raise conflict("the member is no bidder")
        if member.handle == auction.lot.seller:
            raise conflict("the lot is the member's own")

    @changing
    async def HoldDeposit(self, request: Any) -> Any:
        member, auction = self._member("handle", request.handle), self._auction(request.code)
        self._check_not_closed(auction)
        self._check_may_bid(member, auction)
        if any(one.member == member.handle for one in self._held(auction)):
            raise Refused(Code.ALREADY_EXISTS, "the member has a deposit in this auction")
        if request.amount_cents < auction.terms.deposit_cents:
            raise conflict(f"the auction asks for a deposit of {auction.terms.deposit_cents} cents")
        await self._note(f"hold {request.amount_cents}")
        deposit = pb.Deposit(member=member.handle, code=auction.code, amount_cents=request.amount_cents)
        deposit.deposit_id = self._id("dep", self.deposits)
        deposit.state = pb.DEPOSIT_STATE_HELD
        deposit.create_time.CopyFrom(self._now())
        self.deposits[deposit.deposit_id] = deposit
        return deposit

    @changing
    async def ReleaseDeposit(self, request: Any) -> Any:
        deposit = self._found(self.deposits, "deposit_id", request.deposit_id)
        if deposit.state != pb.DEPOSIT_STATE_HELD:
            raise conflict("the deposit isn't held any more")
        auction = self.auctions[deposit.code]
        if auction.leading is not None and auction.leading.bidder == deposit.member:
            raise conflict("the member leads the auction or has won it")
        await self._note(f"release {deposit.amount_cents}")
        deposit.state = pb.DEPOSIT_STATE_RELEASED
        return deposit

    def _add_bid(self, auction: AuctionRecord, bidder: str, cents: int, placed_at: Timestamp, automatic: bool) -> Any:
        bid = pb.Bid(code=auction.code, bidder=bidder, amount_cents=cents, automatic=automatic, placed_at=placed_at)
        bid.bid_id = self._id("bid", self.bid_ids)
        bid.sequence = len(auction.bids) + 1
        bid.state = pb.BID_STATE_OUTBID
        self.bid_ids.add(bid.bid_id)
        auction.bids.append(bid)
        return bid

    def _lead(self, auction: AuctionRecord, bid: Any, limit: int) -> None:
        if auction.leading is not None:
            auction.leading.state = pb.BID_STATE_OUTBID
        bid.state = pb.BID_STATE_LEADING
        auction.leading, auction.limit = bid, limit

    def _compete(self, auction: AuctionRecord, request: Any, limit: int) -> Any:
        """Let a new bid and the leader bid against each other; gives the new bid."""
        leading, beaten = auction.leading, auction.limit
        is_proxy = request.WhichOneof("offer") == "max_cents"
        if leading is None or limit > beaten:
            cents = limit
            if is_proxy:
                cents = auction.minimum if leading is None else min(limit, beaten + auction.lot.step(beaten))
            bid = self._add_bid(auction, request.bidder, cents, request.placed_at, False)
            self._lead(auction, bid, limit)
            return bid
        bid = self._add_bid(auction, request.bidder, limit, request.placed_at, False)
        answer = min(beaten, limit + auction.lot.step(limit))
        self._lead(auction, self._add_bid(auction, leading.bidder, answer, request.placed_at, True), beaten)
        return bid

    def _check_bid(self, member: Any, auction: AuctionRecord, request: Any, limit: int) -> None:
        if auction.state != pb.AUCTION_STATE_OPEN:
            raise conflict("the auction isn't open")
        self._check_may_bid(member, auction)
        if auction.terms.deposit_cents and all(one.member != member.handle for one in self._held(auction)):
            raise conflict("the member has no deposit in this auction")
        placed = nanos_of("placed_at", request.placed_at)
        earliest = auction.bids[-1].placed_at if auction.bids else auction.terms.starts_at
        if not earliest.ToNanoseconds() <= placed < auction.ends:
            raise Refused(Code.OUT_OF_RANGE, "placed_at must be from the latest bid to before the end", "placed_at")
        if auction.leading is not None and auction.leading.bidder == member.handle:
            if not request.HasField("max_cents"):
                raise conflict("the member leads already")
            if limit <= auction.limit:
                raise conflict("the maximum must be greater than before")
        elif limit < auction.minimum:
            raise conflict(f"the next bid must be {auction.minimum} cents at least")

    @changing
    async def PlaceBid(self, request: Any) -> Any:
        limit = int(getattr(request, request.WhichOneof("offer")))
        if limit > MOST_CENTS:
            raise invalid(request.WhichOneof("offer"), f"must be at most {MOST_CENTS}")
        placed = nanos_of("placed_at", request.placed_at)
        member, auction = self._member("bidder", request.bidder), self._auction(request.code)
        print_of_request = fingerprint(request)
        if request.request_id in auction.answers:
            print_before, answer = auction.answers[request.request_id]
            if print_before != print_of_request:
                raise Refused(Code.ALREADY_EXISTS, "the request_id came with another request", "request_id")
            return answer
        self._check_bid(member, auction, request, limit)
        await self._note(f"bid {limit}")
        if auction.leading is not None and auction.leading.bidder == member.handle:
            auction.limit = limit
            bid = auction.leading
        else:
            bid = self._compete(auction, request, limit)
            moved = placed + auction.terms.extension_seconds * NANOS
            if moved > auction.ends:
                auction.ends = moved
                auction.extensions += 1
        response = pb.PlaceBidResponse(bid=bid, auction=auction.shown())
        if request.request_id:
            auction.answers[request.request_id] = (print_of_request, response)
        return response

    async def StreamBids(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            check_rules(request)
            bids = self._auction(request.code).bids[request.after_sequence :]
            if request.bidder:
                bidder = self._member("bidder", request.bidder).handle
                bids = [one for one in bids if one.bidder == bidder]
            bids = [copied(one) for one in bids]
        except Refused as refused:
            await refuse(context, refused)
        for bid in bids:
            yield bid

    @changing
    async def CloseAuction(self, request: Any) -> Any:
        at = nanos_of("at", request.at)
        auction = self._auction(request.code)
        if auction.state != pb.AUCTION_STATE_OPEN:
            raise conflict("the auction isn't open")
        if at < auction.ends:
            raise conflict("the end of the auction has not been reached")
        is_sold = auction.reserve_met
        auction.closed = time_of(at)
        auction.state = pb.AUCTION_STATE_SOLD if is_sold else pb.AUCTION_STATE_UNSOLD
        if auction.leading is not None:
            auction.leading.state = pb.BID_STATE_WON if is_sold else pb.BID_STATE_PASSED
        for deposit in self._held(auction):
            if not is_sold or deposit.member != auction.leading.bidder:
                deposit.state = pb.DEPOSIT_STATE_RELEASED
        if is_sold:
            auction.lot.state = pb.LOT_STATE_SOLD
        else:
            auction.lot.state = pb.LOT_STATE_AVAILABLE
            auction.lot.auction = None
        return auction.shown()

    @changing
    async def SettleAuction(self, request: Any) -> Any:
        auction = self._auction(request.code)
        if auction.settlement is not None:
            return auction.settlement
        if auction.state != pb.AUCTION_STATE_SOLD:
            raise conflict("the lot was not sold in this auction")
        hammer, buyer = int(auction.leading.amount_cents), auction.leading.bidder
        premium = premium_of(hammer, auction.terms.premium_basis_points)
        commission = commission_of(hammer, auction.terms.commission_basis_points)
        deposits = [one for one in self._held(auction) if one.member == buyer]
        deposit = sum(one.amount_cents for one in deposits)
        applied = min(deposit, hammer + premium)
        await self._note(f"settle {hammer}")
        settlement = pb.Settlement(code=auction.code, buyer=buyer, seller=auction.lot.seller, hammer_price_cents=hammer)
        settlement.premium_cents, settlement.commission_cents = premium, commission
        settlement.buyer_total_cents = hammer + premium
        settlement.deposit_applied_cents, settlement.deposit_refunded_cents = applied, deposit - applied
        settlement.balance_due_cents = hammer + premium - applied
        settlement.seller_proceeds_cents = hammer - commission
        settlement.house_revenue_cents = premium + commission
        settlement.settle_time.CopyFrom(self._now())
        auction.settlement = settlement
        for one in deposits:
            one.state = pb.DEPOSIT_STATE_APPLIED
        auction.state = pb.AUCTION_STATE_SETTLED
        return auction.settlement

    @changing
    async def RateMember(self, request: Any) -> Any:
        if len(request.comment) > 500:
            raise invalid("comment", "must have at most 500 characters")
        rater, auction = self._member("rater", request.rater), self._auction(request.code)
        if auction.settlement is None:
            raise conflict("the auction isn't settled")
        parties = {auction.settlement.buyer: auction.lot.seller, auction.lot.seller: auction.settlement.buyer}
        if rater.handle not in parties:
            raise Refused(Code.PERMISSION_DENIED, "only buyer and seller rate each other")
        if rater.handle in auction.ratings:
            raise Refused(Code.ALREADY_EXISTS, "the member has rated this auction before")
        rated = parties[rater.handle]
        rating = pb.Rating(rated=rated)
        merge(rating, request, ("code", "rater", "stars", "comment"))
        auction.ratings[rater.handle] = rating
        self.ratings[rated].append(request.stars)
        return rating
