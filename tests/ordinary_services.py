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

service Orders {
  rpc AddArticle(AddArticleRequest) returns (Article);
  rpc StartCart(StartCartRequest) returns (Cart);
  rpc PutIntoCart(PutIntoCartRequest) returns (Cart);
  rpc CheckOut(CheckOutRequest) returns (Order);
  rpc PayOrder(PayOrderRequest) returns (Order);
  rpc ShipOrder(ShipOrderRequest) returns (Order);
  rpc ReceiveOrder(OrderNumber) returns (Order);
  rpc SendBack(SendBackRequest) returns (SentBack);
  rpc CancelOrder(OrderNumber) returns (Order);
  rpc ReopenOrder(OrderNumber) returns (Order);
}
message Article { string sku = 1; string title = 2; int64 price_cents = 3; int32 stock = 4; }
message AddArticleRequest { string sku = 1; string title = 2; int64 price_cents = 3; int32 stock = 4; }
message StartCartRequest { string email = 1; }
message CartLine { string sku = 1; int32 quantity = 2; }
message Cart { string cart_id = 1; string email = 2; repeated CartLine lines = 3; }
message PutIntoCartRequest { string cart_id = 1; string sku = 2; int32 quantity = 3; }
message CheckOutRequest { string cart_id = 1; string city = 2; string postal_code = 3; }
message Order { string number = 1; string state = 2; repeated CartLine lines = 3; int64 total_cents = 4; }
message OrderNumber { string number = 1; }
message PayOrderRequest { string order_number = 1; int64 amount_cents = 2; }
message ShipOrderRequest { string order_number = 1; string tracking_code = 2; }
message SendBackRequest { string order_number = 1; repeated CartLine lines = 2; string reason = 3; }
message SentBack { string id = 1; string order_number = 2; }

service Desks {
  rpc OpenSlot(OpenSlotRequest) returns (Slot);
  rpc TakeSlot(TakeSlotRequest) returns (Visit);
  rpc MoveVisit(MoveVisitRequest) returns (Visit);
  rpc CountVisits(CountVisitsRequest) returns (VisitCount);
}
message OpenSlotRequest { string desk = 1; string day = 2; string opens_at = 3; string closes_at = 4; }
message Slot { string slot_id = 1; string desk = 2; string day = 3; string opens_at = 4; string closes_at = 5; }
message TakeSlotRequest { string slot_id = 1; string opens_at = 2; string visitor = 3; }
message Visit { string visit_id = 1; string slot_id = 2; string opens_at = 3; string visitor = 4; }
message MoveVisitRequest { string visit_id = 1; string slot_id = 2; }
message CountVisitsRequest { string first_day = 1; string last_day = 2; }
message VisitCount { int32 visits = 1; }

service Catalog {
  rpc CreateAisle(CreateAisleRequest) returns (Aisle);
  rpc CreateGood(CreateGoodRequest) returns (Good);
  rpc ArchiveGood(GoodKey) returns (Good);
  rpc RestoreGood(GoodKey) returns (Good);
  rpc CreateCoupon(CreateCouponRequest) returns (Coupon);
  rpc StartBasket(StartBasketRequest) returns (Basket);
  rpc ChangeBasket(ChangeBasketRequest) returns (Basket);
  rpc ApplyCoupon(ApplyCouponRequest) returns (Basket);
  rpc PlaceOrder(PlaceOrderRequest) returns (Purchase);
  rpc PayPurchase(PayPurchaseRequest) returns (PaymentSlip);
  rpc ShipPurchase(PurchaseKey) returns (Purchase);
  rpc RequestReturn(RequestReturnRequest) returns (GoodsReturn);
}
enum PurchaseState { PURCHASE_STATE_UNSPECIFIED = 0; PLACED = 1; PAID = 2; SHIPPED = 3; }
message Aisle { string aisle_id = 1; string title = 2; }
message CreateAisleRequest { string title = 1; }
message Good {
  string sku = 1;
  string aisle_id = 2;
  string title = 3;
  Sum price = 4;
  int32 stock = 5;
  bool archived = 6;
}
message CreateGoodRequest { Good good = 1; }
message GoodKey { string sku = 1; }
message Coupon { string code = 1; oneof off { int32 percent = 2; Sum amount = 3; } Sum least = 4; }
message CreateCouponRequest { Coupon coupon = 1; }
message StartBasketRequest { string customer_email = 1; }
message Basket {
  string id = 1;
  string customer_email = 2;
  repeated BasketItem items = 3;
  string coupon_code = 4;
  Sum total = 5;
}
message BasketItem { string sku = 1; int32 quantity = 2; }
message ChangeBasketRequest { string basket_id = 1; string sku = 2; int32 quantity = 3; }
message ApplyCouponRequest { string basket_id = 1; string code = 2; }
message Destination { string name = 1; string street = 2; string city = 3; string country_code = 4; }
message PlaceOrderRequest { string basket_id = 1; Destination destination = 2; string request_key = 3; }
message Purchase { string id = 1; PurchaseState state = 2; repeated BasketItem items = 3; Sum total = 4; }
message PurchaseKey { string id = 1; }
message PayPurchaseRequest { string purchase_id = 1; Sum amount = 2; }
message PaymentSlip { string id = 1; string purchase_id = 2; }
message RequestReturnRequest { string purchase_id = 1; string sku = 2; int32 quantity = 3; string reason = 4; }
message GoodsReturn { string id = 1; string purchase_id = 2; }
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


class Orders:
    """Each step asks for the one before it: a cart with something in it, an order that is paid, one that has come."""

    def __init__(self) -> None:
        self.articles: dict[str, Any] = {}
        self.carts: dict[str, Any] = {}
        self.orders: dict[str, Any] = {}
        self.ids = count(1)

    def add_article(self, request: Any) -> Any:
        _need(re.fullmatch("[A-Z]{3}-[0-9]{4}", request.sku), "sku must be 3 capital letters, a dash and 4 digits")
        _need(request.title.strip(), "title is required")
        _need(1 <= request.price_cents <= 1_000_000, "price_cents must be from 1 to 1000000")
        _need(0 <= request.stock <= 10_000, "stock must be from 0 to 10000")
        _need(request.sku not in self.articles, "there is an article of this sku", Code.ALREADY_EXISTS)
        fields = {name: getattr(request, name) for name in ("sku", "title", "price_cents", "stock")}
        self.articles[request.sku] = _made("Article", **fields)
        return self.articles[request.sku]

    def start_cart(self, request: Any) -> Any:
        _need(not request.email or "@" in request.email, "email must be an address")
        key = f"cart_{next(self.ids):06}"
        self.carts[key] = _made("Cart", cart_id=key, email=request.email)
        return self.carts[key]

    def _cart(self, key: str) -> Any:
        _need(key in self.carts, f"there is no cart {key}", Code.NOT_FOUND)
        return self.carts[key]

    def put_into_cart(self, request: Any) -> Any:
        _need(1 <= request.quantity <= 50, "quantity must be from 1 to 50")
        cart = self._cart(request.cart_id)
        _need(request.sku in self.articles, f"there is no article {request.sku}", Code.NOT_FOUND)
        left = self.articles[request.sku].stock
        _need(request.quantity <= left, f"only {left} are left", Code.FAILED_PRECONDITION)
        cart.lines.add(sku=request.sku, quantity=request.quantity)
        return cart

    def check_out(self, request: Any) -> Any:
        _need(request.city.strip(), "city is required")
        _need(re.fullmatch("[0-9]{5}", request.postal_code), "postal_code must have 5 digits")
        cart = self._cart(request.cart_id)
        _need(cart.lines, "the cart is empty", Code.FAILED_PRECONDITION)
        total = sum(self.articles[line.sku].price_cents * line.quantity for line in cart.lines)
        key = f"O{next(self.ids):06}"
        self.orders[key] = _made("Order", number=key, state="new", lines=cart.lines, total_cents=total)
        del self.carts[request.cart_id]
        return self.orders[key]

    def _order(self, key: str, *states: str) -> Any:
        _need(key in self.orders, f"there is no order {key}", Code.NOT_FOUND)
        order = self.orders[key]
        _need(order.state in states, f"the order is {order.state}", Code.FAILED_PRECONDITION)
        return order

    def pay_order(self, request: Any) -> Any:
        order = self._order(request.order_number, "new")
        _need(request.amount_cents == order.total_cents, f"amount_cents must be {order.total_cents}")
        order.state = "paid"
        return order

    def ship_order(self, request: Any) -> Any:
        _need(len(request.tracking_code) >= 4, "tracking_code must have at least 4 characters")
        order = self._order(request.order_number, "paid")
        order.state = "shipped"
        return order

    def receive_order(self, request: Any) -> Any:
        order = self._order(request.number, "shipped")
        order.state = "received"
        return order

    def send_back(self, request: Any) -> Any:
        _need(request.lines, "lines: say what is sent back")
        order = self._order(request.order_number, "received")
        skus = {line.sku for line in order.lines}
        for index, line in enumerate(request.lines):
            _need(line.quantity > 0, f"lines[{index}].quantity must be positive")
            _need(line.sku in skus, f"lines[{index}].sku isn't in the order")
        return _made("SentBack", id=f"B{next(self.ids)}", order_number=order.number)

    def cancel_order(self, request: Any) -> Any:
        order = self._order(request.number, "new", "paid")
        order.state = "cancelled"
        return order

    def reopen_order(self, request: Any) -> Any:
        order = self._order(request.number, "cancelled")
        order.state = "new"
        return order


class Desks:
    """Slots that may not overlap, by whatever name; visits that lie in them; and spans of days that end soon."""

    def __init__(self) -> None:
        self.slots: dict[str, Any] = {}
        self.visits: dict[str, Any] = {}
        self.ids = count(1)

    def open_slot(self, request: Any) -> Any:
        _need(request.desk.strip(), "desk is required")
        _date(request.day, "day")
        for name in ("opens_at", "closes_at"):
            fits = re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", getattr(request, name))
            _need(fits, f"{name} must be a time such as 08:30")
        _need(request.opens_at < request.closes_at, "closes_at must be after opens_at")
        for other in self.slots.values():
            apart = (
                other.day != request.day or other.closes_at <= request.opens_at or request.closes_at <= other.opens_at
            )
            _need(apart, "there is a slot at this time", Code.FAILED_PRECONDITION)
        key = f"slot-{next(self.ids)}"
        fields = {name: getattr(request, name) for name in ("desk", "day", "opens_at", "closes_at")}
        self.slots[key] = _made("Slot", slot_id=key, **fields)
        return self.slots[key]

    def take_slot(self, request: Any) -> Any:
        _need(request.slot_id in self.slots, "no such slot", Code.NOT_FOUND)
        slot = self.slots[request.slot_id]
        _need(request.visitor.strip(), "visitor is required")
        within = slot.opens_at <= request.opens_at < slot.closes_at
        _need(within, "the visit isn't within the slot", Code.OUT_OF_RANGE)
        taken = any(visit.slot_id == request.slot_id for visit in self.visits.values())
        _need(not taken, "the slot is taken", Code.FAILED_PRECONDITION)
        key = f"visit-{next(self.ids)}"
        fields = {name: getattr(request, name) for name in ("slot_id", "opens_at", "visitor")}
        self.visits[key] = _made("Visit", visit_id=key, **fields)
        return self.visits[key]

    def move_visit(self, request: Any) -> Any:
        _need(request.visit_id in self.visits, "no such visit", Code.NOT_FOUND)
        _need(request.slot_id in self.slots, "no such slot", Code.NOT_FOUND)
        taken = any(visit.slot_id == request.slot_id for visit in self.visits.values())
        _need(not taken, "the slot is taken", Code.FAILED_PRECONDITION)
        self.visits[request.visit_id].slot_id = request.slot_id
        return self.visits[request.visit_id]

    def count_visits(self, request: Any) -> Any:
        days = (_date(request.last_day, "last_day") - _date(request.first_day, "first_day")).days
        _need(0 <= days <= 31, "the last day must be within 31 days of the first")
        return _made("VisitCount", visits=len(self.visits))


class Catalog:
    """A shop: what is archived isn't sold, coupons ask for enough in a basket, and a payment shows no purchase."""

    def __init__(self) -> None:
        self.aisles: dict[str, Any] = {}
        self.goods: dict[str, Any] = {}
        self.coupons: dict[str, Any] = {}
        self.baskets: dict[str, Any] = {}
        self.purchases: dict[str, Any] = {}
        self.ids = count(1)

    def create_aisle(self, request: Any) -> Any:
        _need(1 <= len(request.title) <= 60, "title must have 1 to 60 characters")
        key = f"ais_{next(self.ids):04}"
        self.aisles[key] = _made("Aisle", aisle_id=key, title=request.title)
        return self.aisles[key]

    def _sum(self, what: str, given: Any) -> None:
        _need(given.currency == "EUR", f"{what}.currency must be EUR")
        _need(0 < given.units <= 100_000, f"{what}.units must be from 1 to 100000")

    def create_good(self, request: Any) -> Any:
        good = request.good
        _need(request.HasField("good"), "good is required")
        _need(re.fullmatch("[A-Z0-9]{3,12}", good.sku), "good.sku: 3 to 12 capital letters and digits")
        _need(good.title.strip(), "good.title is required")
        self._sum("good.price", good.price)
        _need(0 <= good.stock <= 1_000, "good.stock must be from 0 to 1000")
        _need(good.aisle_id in self.aisles, f"there is no aisle {good.aisle_id}", Code.NOT_FOUND)
        _need(good.sku not in self.goods, "there is such a sku", Code.ALREADY_EXISTS)
        good.archived = False
        self.goods[good.sku] = good
        return good

    def _good(self, sku: str) -> Any:
        _need(sku in self.goods, f"there is no good {sku}", Code.NOT_FOUND)
        return self.goods[sku]

    def archive_good(self, request: Any) -> Any:
        good = self._good(request.sku)
        good.archived = True
        return good

    def restore_good(self, request: Any) -> Any:
        good = self._good(request.sku)
        _need(good.archived, f"{request.sku} isn't archived", Code.FAILED_PRECONDITION)
        good.archived = False
        return good

    def create_coupon(self, request: Any) -> Any:
        coupon = request.coupon
        _need(re.fullmatch("[A-Z0-9]{4,16}", coupon.code), "code must have 4 to 16 capital letters and digits")
        _need(coupon.WhichOneof("off"), "either percent or amount must be set")
        if coupon.WhichOneof("off") == "percent":
            _need(1 <= coupon.percent <= 90, "percent must be from 1 to 90")
        else:
            self._sum("amount", coupon.amount)
        _need(coupon.code not in self.coupons, "there is such a coupon", Code.ALREADY_EXISTS)
        self.coupons[coupon.code] = coupon
        return coupon

    def start_basket(self, request: Any) -> Any:
        _need(re.fullmatch("[^@ ]+@[^@ ]+[.][a-z]+", request.customer_email), "customer_email must be an address")
        key = f"bsk_{next(self.ids):04}"
        self.baskets[key] = _made("Basket", id=key, customer_email=request.customer_email)
        return self.baskets[key]

    def _basket(self, key: str) -> Any:
        _need(key in self.baskets, f"there is no basket {key}", Code.NOT_FOUND)
        return self.baskets[key]

    def change_basket(self, request: Any) -> Any:
        _need(0 <= request.quantity <= 99, "quantity must be from 0 to 99")
        basket, good = self._basket(request.basket_id), self._good(request.sku)
        _need(not good.archived, f"{request.sku} is archived", Code.FAILED_PRECONDITION)
        _need(request.quantity <= good.stock, f"there are {good.stock} left", Code.FAILED_PRECONDITION)
        if request.quantity:
            basket.items.add(sku=request.sku, quantity=request.quantity)
            basket.total.currency = "EUR"
            basket.total.units += good.price.units * request.quantity
        return basket

    def apply_coupon(self, request: Any) -> Any:
        basket = self._basket(request.basket_id)
        _need(request.code in self.coupons, f"there is no coupon {request.code}", Code.NOT_FOUND)
        _need(basket.items, "an empty basket takes no coupon", Code.FAILED_PRECONDITION)
        basket.coupon_code = request.code
        return basket

    def place_order(self, request: Any) -> Any:
        _need(request.HasField("destination"), "destination is required")
        _need(request.destination.name.strip(), "destination.name is required")
        _need(request.destination.street.strip(), "destination.street is required")
        _need(
            re.fullmatch("[A-Z]{2}", request.destination.country_code), "destination.country_code: two capital letters"
        )
        basket = self._basket(request.basket_id)
        _need(basket.items, "the basket is empty", Code.FAILED_PRECONDITION)
        key = f"pur_{next(self.ids):04}"
        self.purchases[key] = _made("Purchase", id=key, state="PLACED", items=basket.items, total=basket.total)
        del self.baskets[request.basket_id]
        return self.purchases[key]

    def _purchase(self, key: str, state: int, text: str) -> Any:
        _need(key in self.purchases, f"there is no purchase {key}", Code.NOT_FOUND)
        _need(self.purchases[key].state == state, text, Code.FAILED_PRECONDITION)
        return self.purchases[key]

    def pay_purchase(self, request: Any) -> Any:
        purchase = self._purchase(request.purchase_id, 1, "the purchase is paid already")
        due = purchase.total
        _need(request.amount == due, f"amount must be the total, {due.units} {due.currency}", Code.FAILED_PRECONDITION)
        purchase.state = 2
        return _made("PaymentSlip", id=f"pay_{next(self.ids)}", purchase_id=purchase.id)

    def ship_purchase(self, request: Any) -> Any:
        purchase = self._purchase(request.id, 2, "the purchase isn't paid")
        purchase.state = 3
        return purchase

    def request_return(self, request: Any) -> Any:
        _need(request.quantity > 0, "quantity must be positive")
        _need(request.reason.strip(), "reason is required")
        purchase = self._purchase(request.purchase_id, 3, "the purchase isn't shipped")
        bought = sum(item.quantity for item in purchase.items if item.sku == request.sku)
        _need(bought, f"{request.sku} isn't in the purchase")
        _need(request.quantity <= bought, f"only {bought} were bought", Code.FAILED_PRECONDITION)
        return _made("GoodsReturn", id=f"ret_{next(self.ids)}", purchase_id=purchase.id)


SERVICES: dict[str, Callable[[], Any]] = {
    "Bookings": Bookings,
    "Forum": Forum,
    "Wallets": Wallets,
    "Tills": Tills,
    "Shelf": Shelf,
    "Orders": Orders,
    "Desks": Desks,
    "Catalog": Catalog,
}
