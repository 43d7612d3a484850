"""A ledger on grpcio's threads. The status is OK whatever happens; what is wrong stands in the result of the reply."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import grpc

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("acme.ledger.v2.LedgerService",)
pb = Messages("ledger", "acme.ledger.v2")

NANOS = 1_000_000_000
UNIT = 10_000_000
LARGEST = 1_000_000_000
RATES = {"EUR": 1_000_000, "USD": 1_080_000, "GBP": 850_000, "JPY": 160_000_000}
MOST_TAKEN = 100
MOST_SHARES = 50


class Refused(Exception):
    """Why a request isn't carried out."""

    def __init__(self, code: int, message: str, field: str = "") -> None:
        super().__init__(code, message, field)
        self.code = code
        self.message = message
        self.field = field


def invalid(field: str, message: str) -> Refused:
    return Refused(pb.RESULT_INVALID, message, field)


def total(money: Any) -> int:
    """A sum of money in thousand-millionths of its currency."""
    return int(money.units) * NANOS + int(money.nanos)


def put(target: Any, currency: str, nanos: int) -> None:
    """Write a sum of money; units and nanos have the same sign."""
    sign = -1 if nanos < 0 else 1
    units, rest = divmod(abs(nanos), NANOS)
    target.currency_code = currency
    target.units = sign * units
    target.nanos = sign * rest


def check_money(field: str, money: Any, currency: str, *, least: int = 0) -> int:
    """The sum, in nanos. Raises :class:`Refused` if it is none in this currency."""
    if money.currency_code != currency:
        raise invalid(f"{field}.currency_code", f"must be {currency}")
    if not -NANOS < money.nanos < NANOS or (money.units > 0 > money.nanos) or (money.units < 0 < money.nanos):
        raise invalid(f"{field}.nanos", "must be below a unit, and of the same sign")
    if money.nanos % UNIT:
        raise invalid(f"{field}.nanos", "must be whole hundredths")
    if not -LARGEST <= money.units <= LARGEST:
        raise invalid(f"{field}.units", f"must be at most {LARGEST}")
    nanos = total(money)
    if nanos < least:
        raise invalid(field, "is too small")
    return nanos


def check_currency(field: str, currency: str) -> str:
    if currency not in RATES:
        raise invalid(field, f"must be one of {', '.join(RATES)}")
    return currency


def check_date(field: str, date: Any) -> dt.date:
    try:
        found = dt.date(date.year, date.month, date.day)
    except (ValueError, OverflowError):
        raise invalid(field, "is no day that there is") from None
    if found.year < 1970 or found.year > 2200:
        raise invalid(field, "must be from 1970 to 2200")
    return found


def check_text(field: str, text: str, least: int, most: int) -> str:
    if not least <= len(text) <= most:
        raise invalid(field, f"must have {least} to {most} characters")
    return text


class Server:
    """Accounts and transfers in memory, behind one lock."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.lock = threading.Lock()
        self.accounts: dict[str, Any] = {}
        self.transfers: dict[str, Any] = {}
        self.references: dict[str, str] = {}

    def _reply(self, reply: Any, context: Any, fill: Callable[[Any], None]) -> Any:
        """Fill a reply, or write into its result what is wrong."""
        try:
            with self.lock:
                fill(reply)
        except Refused as refused:
            reply.Clear()
            reply.result.code = refused.code
            reply.result.message = refused.message
            reply.result.field = refused.field
        else:
            reply.result.code = pb.RESULT_OK
        return reply

    def _today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self.environment.now(), dt.UTC).date()

    def _account(self, number: str, field: str = "number") -> Any:
        if not number:
            raise invalid(field, "is required")
        if number not in self.accounts:
            raise Refused(pb.RESULT_NOT_FOUND, "no such account", field)
        return self.accounts[number]

    def _transfer(self, transfer_id: str) -> Any:
        if not transfer_id:
            raise invalid("id", "is required")
        if transfer_id not in self.transfers:
            raise Refused(pb.RESULT_NOT_FOUND, "no such transfer", "id")
        return self.transfers[transfer_id]

    def _move(self, source: Any, target: Any, nanos: int) -> None:
        """Move money. Raises :class:`Refused` where there isn't enough."""
        if source.closed or target.closed:
            raise Refused(pb.RESULT_CONFLICT, "the account is closed")
        left = total(source.balance) - nanos
        if left < -total(source.overdraft):
            raise Refused(pb.RESULT_INSUFFICIENT_FUNDS, "there isn't enough on the account", "amount")
        put(source.balance, source.currency_code, left)
        put(target.balance, target.currency_code, total(target.balance) + nanos)

    def OpenAccount(self, request: Any, context: Any) -> Any:
        def fill(reply: Any) -> None:
            owner = check_text("owner", request.owner.strip(), 1, 100)
            currency = check_currency("currency_code", request.currency_code)
            overdraft = check_money("overdraft", request.overdraft, currency) if request.HasField("overdraft") else 0
            deposit = check_money("deposit", request.deposit, currency) if request.HasField("deposit") else 0
            opened = check_date("opened", request.opened) if request.HasField("opened") else self._today()
            account = pb.Account(number=f"A{self.environment.token()}", owner=owner, currency_code=currency)
            put(account.balance, currency, deposit)
            put(account.overdraft, currency, overdraft)
            account.opened.year, account.opened.month, account.opened.day = opened.year, opened.month, opened.day
            self.accounts[account.number] = account
            reply.account.CopyFrom(account)

        return self._reply(pb.OpenAccountReply(), context, fill)

    def GetAccount(self, request: Any, context: Any) -> Any:
        def fill(reply: Any) -> None:
            reply.account.CopyFrom(self._account(request.number))

        return self._reply(pb.GetAccountReply(), context, fill)

    def ListAccounts(self, request: Any, context: Any) -> Any:
        def fill(reply: Any) -> None:
            if request.take > MOST_TAKEN:
                raise invalid("take", f"must be at most {MOST_TAKEN}")
            accounts = [one for one in self.accounts.values() if not request.owner or one.owner == request.owner]
            accounts.sort(key=lambda account: account.number)
            reply.accounts.extend(accounts[request.skip : request.skip + (request.take or 10)])
            reply.total = len(accounts)

        return self._reply(pb.ListAccountsReply(), context, fill)

    def CloseAccount(self, request: Any, context: Any) -> Any:
        def fill(reply: Any) -> None:
            account = self._account(request.number)
            if account.closed:
                raise Refused(pb.RESULT_CONFLICT, "the account is closed", "number")
            if total(account.balance) != 0:
                raise Refused(pb.RESULT_CONFLICT, "the account isn't empty", "number")
            account.closed = True

        return self._reply(pb.CloseAccountReply(), context, fill)

    def Transfer(self, request: Any, context: Any) -> Any:
        def fill(reply: Any) -> None:
            reference = check_text("reference", request.reference, 0, 64)
            text = check_text("text", request.text, 0, 140)
            source = self._account(getattr(request, "from"), "from")
            target = self._account(request.to, "to")
            if source.number == target.number:
                raise invalid("to", "must be another account")
            nanos = check_money("amount", request.amount, source.currency_code, least=1)
            if target.currency_code != source.currency_code:
                raise invalid("to", "must have the same currency")
            day = check_date("day", request.day) if request.HasField("day") else self._today()
            if reference and reference in self.references:
                first = self.transfers[self.references[reference]]
                if first.to != target.number or total(first.amount) != nanos:
                    raise Refused(pb.RESULT_CONFLICT, "another transfer has this reference", "reference")
                reply.transfer.CopyFrom(first)
                return
            self._move(source, target, nanos)
            transfer = pb.TransferRecord(id=f"T{self.environment.token()}", to=target.number, text=text)
            setattr(transfer, "from", source.number)
            put(transfer.amount, source.currency_code, nanos)
            transfer.day.year, transfer.day.month, transfer.day.day = day.year, day.month, day.day
            if reference:
                transfer.reference = reference
                self.references[reference] = transfer.id
            self.transfers[transfer.id] = transfer
            reply.transfer.CopyFrom(transfer)

        return self._reply(pb.TransferReply(), context, fill)

    def GetTransfer(self, request: Any, context: Any) -> Any:
        def fill(reply: Any) -> None:
            reply.transfer.CopyFrom(self._transfer(request.id))

        return self._reply(pb.GetTransferReply(), context, fill)

    def ReverseTransfer(self, request: Any, context: Any) -> Any:
        def fill(reply: Any) -> None:
            transfer = self._transfer(request.id)
            if transfer.reversed:
                raise Refused(pb.RESULT_CONFLICT, "the transfer was reversed", "id")
            source = self._account(getattr(transfer, "from"))
            self._move(self._account(transfer.to), source, total(transfer.amount))
            transfer.reversed = True
            reply.transfer.CopyFrom(transfer)

        return self._reply(pb.ReverseTransferReply(), context, fill)

    def Statement(self, request: Any, context: Any) -> Any:
        def fill(reply: Any) -> None:
            account = self._account(request.number)
            first = check_date("first", request.first)
            last = check_date("last", request.last)
            if last < first:
                raise invalid("last", "must not be before the first day")
            if (last - first).days > 366:
                raise invalid("last", "must be at most a year after the first day")
            moved = 0
            for transfer in self.transfers.values():
                day = dt.date(transfer.day.year, transfer.day.month, transfer.day.day)
                if first <= day <= last and account.number in (getattr(transfer, "from"), transfer.to):
                    reply.transfers.append(transfer)
                    if not transfer.reversed:
                        moved += total(transfer.amount) * (1 if transfer.to == account.number else -1)
            put(reply.sum, account.currency_code, moved)

        return self._reply(pb.StatementReply(), context, fill)

    def ConvertMoney(self, request: Any, context: Any) -> Any:
        def fill(reply: Any) -> None:
            source = check_currency("money.currency_code", request.money.currency_code)
            target = check_currency("currency_code", request.currency_code)
            nanos = check_money("money", request.money, source, least=-LARGEST * NANOS)
            sign = -1 if nanos < 0 else 1
            whole = abs(nanos) * RATES[target] // RATES[source]
            put(reply.money, target, sign * (whole - whole % UNIT))

        return self._reply(pb.ConvertMoneyReply(), context, fill)

    def SplitMoney(self, request: Any, context: Any) -> Any:
        if len(request.shares) > MOST_SHARES:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"there can be {MOST_SHARES} shares")

        def fill(reply: Any) -> None:
            currency = check_currency("money.currency_code", request.money.currency_code)
            cents = check_money("money", request.money, currency) // UNIT
            whole = sum(request.shares)
            if whole == 0:
                raise invalid("shares", "must have a share that isn't 0")
            parts = [cents * share // whole for share in request.shares]
            for index in range(cents - sum(parts)):
                parts[index] += 1
            for part in parts:
                put(reply.parts.add(), currency, part * UNIT)

        return self._reply(pb.SplitMoneyReply(), context, fill)
