"""Services as many are: no annotations, validation by hand, ids that the server makes and such that users choose."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package ordinary;

service Bookings {
  rpc CreateBooking(CreateBookingRequest) returns (Booking);
  rpc GetBooking(BookingId) returns (Booking);
  rpc ListBookings(ListBookingsRequest) returns (ListBookingsResponse);
  rpc ChangeBooking(ChangeBookingRequest) returns (Booking);
  rpc CancelBooking(CancelBookingRequest) returns (Booking);
  rpc QuoteStay(QuoteRequest) returns (Quote);
  rpc AddRoom(Room) returns (RoomId);
  rpc Pay(PayRequest) returns (Receipt);
}
message Money { string currency = 1; int64 cents = 2; }
message Room { int32 number = 1; string kind = 2; int32 beds = 3; Money price = 4; }
message RoomId { int32 number = 1; }
message Guest { string name = 1; string email = 2; int32 age = 3; }
message CreateBookingRequest {
  int32 room = 1;
  string since = 2;
  string until = 3;
  repeated Guest guests = 4;
  string note = 5;
}
message Booking {
  int64 id = 1;
  int32 room = 2;
  string since = 3;
  string until = 4;
  repeated Guest guests = 5;
  bool cancelled = 6;
  Money total = 7;
}
message BookingId { int64 id = 1; }
message ListBookingsRequest { int32 limit = 1; }
message ListBookingsResponse { repeated Booking bookings = 1; }
message ChangeBookingRequest { int64 id = 1; string until = 2; }
message CancelBookingRequest { int64 id = 1; string reason = 2; }
message QuoteRequest { int32 room = 1; string since = 2; string until = 3; int32 guests = 4; }
message Quote { Money total = 1; }
message PayRequest { int64 booking_id = 1; Money amount = 2; oneof by { string card = 3; string iban = 4; } }
message Receipt { string number = 1; }

service Forum {
  rpc CreateThread(CreateThreadRequest) returns (CreateThreadResponse);
  rpc GetThread(GetThreadRequest) returns (Thread);
  rpc ListPosts(ListPostsRequest) returns (ListPostsResponse);
  rpc PostMessage(PostMessageRequest) returns (Post);
  rpc EditPost(EditPostRequest) returns (Post);
  rpc RemovePost(RemovePostRequest) returns (RemovePostResponse);
  rpc DeleteThread(GetThreadRequest) returns (RemovePostResponse);
}
message Thread { string slug = 1; string title = 2; repeated string tags = 3; bool deleted = 4; }
message CreateThreadRequest { string slug = 1; string title = 2; repeated string tags = 3; string color = 4; }
message CreateThreadResponse { Thread thread = 1; }
message GetThreadRequest { string slug = 1; }
message ListPostsRequest { string thread_slug = 1; }
message ListPostsResponse { repeated Post posts = 1; }
message Post { string id = 1; string thread_slug = 2; string author = 3; string text = 4; }
message PostMessageRequest { string thread_slug = 1; string author = 2; string text = 3; string plate = 4; }
message EditPostRequest { string id = 1; string text = 2; }
message RemovePostRequest { string id = 1; }
message RemovePostResponse {}

service Wallets {
  rpc OpenWallet(OpenWalletRequest) returns (Wallet);
  rpc ShowWallet(WalletNumber) returns (Wallet);
  rpc SendMoney(SendMoneyRequest) returns (Payment);
  rpc Explain(PaymentId) returns (Payment);
  rpc PutStall(Stall) returns (StallNumber);
}
message Wallet { string number = 1; string currency = 2; int64 cents = 3; }
message OpenWalletRequest { string currency = 1; int64 deposit = 2; }
message WalletNumber { string number = 1; }
message SendMoneyRequest {
  string payer = 1;
  string payee = 2;
  int64 cents = 3;
  string note = 4;
  repeated string labels = 5;
}
message Payment { string id = 1; string payer = 2; string payee = 3; int64 cents = 4; }
message PaymentId { string id = 1; }
message Place { int32 x = 1; int32 y = 2; }
message Stall { string title = 1; Place place = 2; }
message StallNumber { int32 number = 1; }

service Tills {
  rpc OpenTill(OpenTillRequest) returns (TillReply);
  rpc PayOver(PayOverRequest) returns (TillReply);
}
enum Outcome {
  OUTCOME_UNSPECIFIED = 0;
  OUTCOME_OK = 1;
  OUTCOME_INVALID = 2;
  OUTCOME_NOT_FOUND = 3;
  OUTCOME_NOT_NOW = 4;
}
message Result { Outcome code = 1; string message = 2; }
message TillReply { Result result = 1; Till till = 2; }
message Sum { string currency = 1; int64 units = 2; }
message Till { string number = 1; Sum balance = 2; }
message OpenTillRequest { string currency = 1; Sum start = 2; }
message PayOverRequest { string from_till = 1; string to_till = 2; Sum amount = 3; }

service Shelf {
  rpc ModelReady(ModelVersion) returns (ModelState);
  rpc ModelDescribe(ModelVersion) returns (ModelEntry);
  rpc ModelUnload(ModelVersion) returns (ModelState);
  rpc ShelfIndex(ShelfIndexRequest) returns (ShelfIndexResponse);
}
message ModelVersion { string name = 1; string version = 2; }
message ModelState { bool ready = 1; }
message ModelEntry { string name = 1; string state = 2; }
message ShelfIndexRequest { bool ready = 1; }
message ShelfIndexResponse { repeated ModelEntry models = 1; }
"""


@cache
def contract() -> Registry:
    with TemporaryDirectory() as folder:
        file = Path(folder, "ordinary.proto")
        file.write_text(PROTO)
        return sources.load([file])


class RefusedError(Exception):
    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code


def _need(holds: object, text: str, code: Code = Code.INVALID_ARGUMENT) -> None:
    if not holds:
        raise RefusedError(code, text)


def _made(kind: str, /, **fields: Any) -> Any:
    return contract().message(f"ordinary.{kind}")(**fields)


def _date(text: str, what: str) -> dt.date:
    _need(re.fullmatch(r"\d{4}-\d\d-\d\d", text), f"{what} must be a date such as 2024-05-01")
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise RefusedError(Code.INVALID_ARGUMENT, f"{what} is no day that there is") from None


class Bookings:
    def __init__(self) -> None:
        self.rooms: dict[int, Any] = {}
        self.bookings: dict[int, Any] = {}
        self.ids = count(1)

    def _nights(self, since: str, until: str) -> int:
        nights = (_date(until, "until") - _date(since, "since")).days
        _need(nights > 0, "until must be after since")
        _need(nights <= 60, "at most 60 nights")
        return nights

    def _room(self, number: int) -> Any:
        _need(number in self.rooms, f"room {number} does not exist", Code.NOT_FOUND)
        return self.rooms[number]

    def _booking(self, key: int) -> Any:
        _need(key > 0, "id must be positive")
        _need(key in self.bookings, f"no booking {key}", Code.NOT_FOUND)
        return self.bookings[key]

    def create_booking(self, request: Any) -> Any:
        nights = self._nights(request.since, request.until)
        _need(1 <= len(request.guests) <= 4, "1 to 4 guests")
        for index, guest in enumerate(request.guests):
            _need(guest.name.strip(), f"guests[{index}]: a name is needed")
            _need(not guest.email or "@" in guest.email, f"guests[{index}]: that is no e-mail address")
        room = self._room(request.room)
        key = next(self.ids)
        total = {"currency": "EUR", "cents": room.price.cents * nights}
        given = {"room": request.room, "since": request.since, "until": request.until, "guests": request.guests}
        self.bookings[key] = _made("Booking", id=key, total=total, **given)
        return self.bookings[key]

    def get_booking(self, request: Any) -> Any:
        return self._booking(request.id)

    def list_bookings(self, request: Any) -> Any:
        _need(0 <= request.limit <= 100, "limit: 0 to 100")
        return _made("ListBookingsResponse", bookings=list(self.bookings.values())[: request.limit or 20])

    def change_booking(self, request: Any) -> Any:
        booking = self._booking(request.id)
        self._nights(booking.since, request.until or booking.until)
        booking.until = request.until or booking.until
        return booking

    def cancel_booking(self, request: Any) -> Any:
        booking = self._booking(request.id)
        _need(len(request.reason) >= 3, "say why, in three letters or more")
        _need(not booking.cancelled, "it was cancelled before", Code.FAILED_PRECONDITION)
        booking.cancelled = True
        return booking

    def quote_stay(self, request: Any) -> Any:
        nights, room = self._nights(request.since, request.until), self._room(request.room)
        _need(1 <= request.guests <= 4, "guests: 1 to 4")
        return _made("Quote", total={"currency": "EUR", "cents": room.price.cents * nights})

    def add_room(self, request: Any) -> Any:
        _need(1 <= request.number <= 9999, "number: 1 to 9999")
        _need(request.kind in ("single", "double", "suite"), "kind: one of single, double, suite")
        _need(1 <= request.beds <= 6, "beds: 1 to 6")
        _need(re.fullmatch("[A-Z]{3}", request.price.currency), "price: a currency and an amount")
        _need(request.number not in self.rooms, "there is such a room", Code.ALREADY_EXISTS)
        self.rooms[request.number] = request
        return _made("RoomId", number=request.number)

    def pay(self, request: Any) -> Any:
        booking = self._booking(request.booking_id)
        _need(request.WhichOneof("by"), "card or iban")
        _need(request.iban or re.fullmatch(r"\d{12,19}", request.card), "the card number is wrong")
        due = booking.total.cents
        _need(request.amount.cents == due, f"{due} cents are due", Code.FAILED_PRECONDITION)
        return _made("Receipt", number="R1")


class Forum:
    def __init__(self) -> None:
        self.threads: dict[str, Any] = {}
        self.posts: dict[str, Any] = {}
        self.ids = count(1)

    def create_thread(self, request: Any) -> Any:
        _need(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", request.slug), f'"{request.slug}" is not a valid slug')
        _need(3 <= len(request.title.strip()) <= 120, "title must have 3 to 120 printable characters")
        _need(all(re.fullmatch("[a-z]{2,20}", tag) for tag in request.tags), "invalid request")
        _need(re.fullmatch("#[0-9a-f]{6}", request.color), "color must look like #a0b1c2")
        _need(request.slug not in self.threads, "the slug is taken", Code.ALREADY_EXISTS)
        self.threads[request.slug] = _made("Thread", slug=request.slug, title=request.title, tags=request.tags)
        return _made("CreateThreadResponse", thread=self.threads[request.slug])

    def get_thread(self, request: Any) -> Any:
        _need(request.slug, "invalid request")
        _need(request.slug in self.threads, "no such thread", Code.NOT_FOUND)
        return self.threads[request.slug]

    def list_posts(self, request: Any) -> Any:
        _need(request.thread_slug in self.threads, "no such thread", Code.NOT_FOUND)
        return _made("ListPostsResponse", posts=list(self.posts.values()))

    def post_message(self, request: Any) -> Any:
        _need(request.thread_slug in self.threads, "no such thread", Code.NOT_FOUND)
        _need(re.fullmatch("[A-Za-z0-9_]{2,30}", request.author), "author: 2 to 30 letters")
        _need(request.text.strip(), "text is required")
        _need(re.fullmatch("[A-Z]{2}-[0-9]{4}", request.plate), "plate must be two capitals, a dash and four digits")
        key = f"p_{next(self.ids):05x}"
        self.posts[key] = _made("Post", id=key, thread_slug=request.thread_slug, text=request.text)
        return self.posts[key]

    def _post(self, key: str) -> Any:
        _need(re.fullmatch("p_[0-9a-f]{5,}", key), "malformed id")
        _need(key in self.posts, "no such post", Code.NOT_FOUND)
        return self.posts[key]

    def edit_post(self, request: Any) -> Any:
        post = self._post(request.id)
        _need(request.text.strip(), "text is required")
        return post

    def remove_post(self, request: Any) -> Any:
        del self.posts[self._post(request.id).id]
        return _made("RemovePostResponse")

    def delete_thread(self, request: Any) -> Any:
        del self.threads[self.get_thread(request).slug]
        return _made("RemovePostResponse")


class Wallets:
    """Money that moves between two of a kind. A *bug* is a place where it falls, or says one thing and does another."""

    def __init__(self, bug: str = "") -> None:
        self.bug = bug
        self.wallets: dict[str, Any] = {}
        self.payments: dict[str, Any] = {}
        self.stalls: set[tuple[int, int]] = set()
        self.ids = count(1)

    def _wallet(self, number: str, what: str) -> Any:
        _need(number, f"{what} is required")
        _need(number in self.wallets, f"{what}: there is no such wallet", Code.NOT_FOUND)
        return self.wallets[number]

    def open_wallet(self, request: Any) -> Any:
        _need(request.currency in ("EUR", "USD"), "currency must be one of EUR, USD")
        _need(0 <= request.deposit <= 1_000_000, "deposit must be from 0 to 1,000,000")
        number = f"W{next(self.ids):05}"
        self.wallets[number] = _made("Wallet", number=number, currency=request.currency, cents=request.deposit)
        return self.wallets[number]

    def show_wallet(self, request: Any) -> Any:
        return self._wallet(request.number, "number")

    def send_money(self, request: Any) -> Any:
        payer, payee = self._wallet(request.payer, "payer"), self._wallet(request.payee, "payee")
        if self.bug == "pays itself":
            assert payer is not payee
        _need(payer is not payee, "payee must be another wallet")
        if self.bug == "two currencies":
            assert payer.currency == payee.currency
        _need(payer.currency == payee.currency, "payee must have the same currency")
        longest = {"says less than it does": 45, "says more than it does": 35}.get(self.bug, 40)
        _need(len(request.note) <= longest, "the note must have at most 40 characters")
        _need(len(request.labels) <= 7, "there are too many labels")
        if self.bug == "full list":
            assert len(request.labels) < 7
        _need(request.cents > 0, "cents must be positive")
        _need(payer.cents >= request.cents, "there isn't enough in the wallet", Code.FAILED_PRECONDITION)
        payer.cents -= request.cents
        payee.cents += request.cents
        made = f"P{next(self.ids):05}"
        self.payments[made] = _made("Payment", id=made, payer=payer.number, payee=payee.number, cents=request.cents)
        return self.payments[made]

    def explain(self, request: Any) -> Any:
        _need(request.id in self.payments, "no such payment", Code.NOT_FOUND)
        return self.payments[request.id]

    def put_stall(self, request: Any) -> Any:
        _need(request.HasField("place"), "place is required")
        place = (request.place.x, request.place.y)
        _need(place not in self.stalls, "there is a stall at this place", Code.ALREADY_EXISTS)
        self.stalls.add(place)
        return _made("StallNumber", number=len(self.stalls))


class Tills:
    """Always OK, with a result inside; sums have a currency: a value that is shown, and names nothing."""

    def __init__(self) -> None:
        self.tills: dict[str, Any] = {}
        self.ids = count(1)

    def _till(self, number: str, what: str) -> Any:
        _need(number, f"{what} is required")
        _need(number in self.tills, f"{what}: there is no such till", Code.NOT_FOUND)
        return self.tills[number]

    def open_till(self, request: Any) -> Any:
        return self._reply(self._open, request)

    def pay_over(self, request: Any) -> Any:
        return self._reply(self._pay, request)

    def _reply(self, act: Callable[[Any], Any], request: Any) -> Any:
        codes = {Code.INVALID_ARGUMENT: "INVALID", Code.NOT_FOUND: "NOT_FOUND", Code.FAILED_PRECONDITION: "NOT_NOW"}
        try:
            return _made("TillReply", result={"code": "OUTCOME_OK"}, till=act(request))
        except RefusedError as error:
            return _made("TillReply", result={"code": f"OUTCOME_{codes[error.code]}", "message": str(error)})

    def _open(self, request: Any) -> Any:
        _need(request.currency in ("NOK", "SEK"), "currency must be one of NOK, SEK")
        if request.HasField("start"):
            _need(request.start.currency == request.currency, "start.currency must be that of the till")
        number = f"T{next(self.ids):05}"
        balance = {"currency": request.currency, "units": request.start.units}
        self.tills[number] = _made("Till", number=number, balance=balance)
        return self.tills[number]

    def _pay(self, request: Any) -> Any:
        source, target = self._till(request.from_till, "from_till"), self._till(request.to_till, "to_till")
        _need(source is not target, "to_till must be another till")
        currency = source.balance.currency
        _need(request.amount.currency == currency, "amount.currency must be that of the till")
        _need(request.amount.units > 0, "amount.units must be positive")
        _need(target.balance.currency == currency, f"to_till must have {currency}")
        _need(source.balance.units >= request.amount.units, "there isn't enough", Code.FAILED_PRECONDITION)
        source.balance.units -= request.amount.units
        target.balance.units += request.amount.units
        return source


class Shelf:
    """Models that nobody makes by a call: an index tells of them, and what one of them isn't there for is no status."""

    def __init__(self) -> None:
        self.models = {"iris": "ready", "mnist": "ready"}

    def _model(self, request: Any) -> str:
        text = f"Unexpected <class 'shelf.NotFound'>: Model {request.name} with version {request.version} not found"
        _need(request.name in self.models and not request.version, text, Code.UNKNOWN)
        return str(request.name)

    def model_ready(self, request: Any) -> Any:
        return _made("ModelState", ready=self.model_describe(request).state == "ready")

    def model_describe(self, request: Any) -> Any:
        state = self.models[self._model(request)]
        _need(state == "ready", "this model isn't ready", Code.UNKNOWN)
        return _made("ModelEntry", name=request.name, state=state)

    def model_unload(self, request: Any) -> Any:
        self.models[self._model(request)] = "unloaded"
        return _made("ModelState")

    def shelf_index(self, request: Any) -> Any:
        models = [_made("ModelEntry", name=name, state=state) for name, state in self.models.items()]
        return _made("ShelfIndexResponse", models=models)


SERVICES: dict[str, Callable[[], Any]] = {
    "Bookings": Bookings,
    "Forum": Forum,
    "Wallets": Wallets,
    "Tills": Tills,
    "Shelf": Shelf,
}
