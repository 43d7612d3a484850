"""Wallets and tills between which money goes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from grpcmock.status import Code
from ordinary_services.handling import RefusedError, made, need


class Wallets:
    """Money that moves between two of a kind. A *bug* is a place where it falls, or says one thing and does another."""

    def __init__(self, bug: str = "") -> None:
        self.bug = bug
        self.wallets: dict[str, Any] = {}
        self.payments: dict[str, Any] = {}
        self.stalls: set[tuple[int, int]] = set()
        self.ids = count(1)

    def _wallet(self, number: str, what: str) -> Any:
        need(number, f"{what} is required")
        need(number in self.wallets, f"{what}: there is no such wallet", Code.NOT_FOUND)
        return self.wallets[number]

    def open_wallet(self, request: Any) -> Any:
        need(request.currency in ("EUR", "USD"), "currency must be one of EUR, USD")
        need(0 <= request.deposit <= 1_000_000, "deposit must be from 0 to 1,000,000")
        number = f"W{next(self.ids):05}"
        self.wallets[number] = made("Wallet", number=number, currency=request.currency, cents=request.deposit)
        return self.wallets[number]

    def show_wallet(self, request: Any) -> Any:
        return self._wallet(request.number, "number")

    def send_money(self, request: Any) -> Any:
        payer, payee = self._wallet(request.payer, "payer"), self._wallet(request.payee, "payee")
        if self.bug == "pays itself":
            assert payer is not payee
        need(payer is not payee, "payee must be another wallet")
        if self.bug == "two currencies":
            assert payer.currency == payee.currency
        need(payer.currency == payee.currency, "payee must have the same currency")
        longest = {"says less than it does": 45, "says more than it does": 35}.get(self.bug, 40)
        need(len(request.note) <= longest, "the note must have at most 40 characters")
        need(len(request.labels) <= 7, "there are too many labels")
        if self.bug == "full list":
            assert len(request.labels) < 7
        need(request.cents > 0, "cents must be positive")
        need(payer.cents >= request.cents, "there isn't enough in the wallet", Code.FAILED_PRECONDITION)
        payer.cents -= request.cents
        payee.cents += request.cents
        key = f"P{next(self.ids):05}"
        self.payments[key] = made("Payment", id=key, payer=payer.number, payee=payee.number, cents=request.cents)
        return self.payments[key]

    def explain(self, request: Any) -> Any:
        need(request.id in self.payments, "no such payment", Code.NOT_FOUND)
        return self.payments[request.id]

    def put_stall(self, request: Any) -> Any:
        need(request.HasField("place"), "place is required")
        place = (request.place.x, request.place.y)
        need(place not in self.stalls, "there is a stall at this place", Code.ALREADY_EXISTS)
        self.stalls.add(place)
        return made("StallNumber", number=len(self.stalls))


class Tills:
    """Always OK, with a result inside; sums have a currency: a value that is shown, and names nothing."""

    def __init__(self) -> None:
        self.tills: dict[str, Any] = {}
        self.ids = count(1)

    def _till(self, number: str, what: str) -> Any:
        need(number, f"{what} is required")
        need(number in self.tills, f"{what}: there is no such till", Code.NOT_FOUND)
        return self.tills[number]

    def open_till(self, request: Any) -> Any:
        return self._reply(self._open, request)

    def pay_over(self, request: Any) -> Any:
        return self._reply(self._pay, request)

    def _reply(self, act: Callable[[Any], Any], request: Any) -> Any:
        codes = {Code.INVALID_ARGUMENT: "INVALID", Code.NOT_FOUND: "NOT_FOUND", Code.FAILED_PRECONDITION: "NOT_NOW"}
        try:
            return made("TillReply", result={"code": "OUTCOME_OK"}, till=act(request))
        except RefusedError as error:
            return made("TillReply", result={"code": f"OUTCOME_{codes[error.code]}", "message": str(error)})

    def _open(self, request: Any) -> Any:
        need(request.currency in ("NOK", "SEK"), "currency must be one of NOK, SEK")
        if request.HasField("start"):
            need(request.start.currency == request.currency, "start.currency must be that of the till")
        number = f"T{next(self.ids):05}"
        balance = {"currency": request.currency, "units": request.start.units}
        self.tills[number] = made("Till", number=number, balance=balance)
        return self.tills[number]

    def _pay(self, request: Any) -> Any:
        source, target = self._till(request.from_till, "from_till"), self._till(request.to_till, "to_till")
        need(source is not target, "to_till must be another till")
        currency = source.balance.currency
        need(request.amount.currency == currency, "amount.currency must be that of the till")
        need(request.amount.units > 0, "amount.units must be positive")
        need(target.balance.currency == currency, f"to_till must have {currency}")
        need(source.balance.units >= request.amount.units, "there isn't enough", Code.FAILED_PRECONDITION)
        source.balance.units -= request.amount.units
        target.balance.units += request.amount.units
        return source
