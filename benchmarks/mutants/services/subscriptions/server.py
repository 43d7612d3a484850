"""Recurring billing on ``grpc.aio``: plans, subscriptions, invoices, payments; some rules of protovalidate."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any

import grpc
import protovalidate

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("subscriptions.v1.Billing",)
pb = Messages("subscriptions", "subscriptions.v1")
validator = protovalidate.Validator()
Code = grpc.StatusCode

TRIALING = pb.SUBSCRIPTION_STATE_TRIALING
ACTIVE = pb.SUBSCRIPTION_STATE_ACTIVE
PAST_DUE = pb.SUBSCRIPTION_STATE_PAST_DUE
CANCELED = pb.SUBSCRIPTION_STATE_CANCELED

MILLISECONDS_A_DAY = 24 * 60 * 60 * 1000
MAX_QUANTITY = 100
MAX_LABEL = 60
MAX_KEY = 64
MAX_UNITS = 100_000
MAX_EVENTS = 1000
MAX_REJECTIONS = 20
DEFAULT_PAGE = 50
UPDATABLE = ("plan_id", "quantity", "label")


class BillingError(Exception):
    """Ends a call with a status."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def require(condition: bool, message: str) -> None:
    if not condition:
        raise BillingError(Code.INVALID_ARGUMENT, message)


def validate(request: Any) -> None:
    for violation in validator.collect_violations(request):
        broken: Any = violation.proto
        path = ".".join(element.field_name for element in broken.field.elements)
        raise BillingError(Code.INVALID_ARGUMENT, f"{path}: {broken.message}")


def unary(handle: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Coroutine[Any, Any, Any]]:
    @functools.wraps(handle)
    async def call(self: Any, request: Any, context: Any) -> Any:
        try:
            validate(request)
            return handle(self, request)
        except BillingError as error:
            await context.abort(error.code, error.message)

    return call


def copy_of(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def fingerprint(request: Any, *without: str) -> bytes:
    asked = copy_of(request)
    asked.DiscardUnknownFields()
    for name in without:
        asked.ClearField(name)
    return hashlib.sha256(asked.SerializeToString(deterministic=True)).digest()


def once(handle: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Answer a request with an idempotency key that has been carried out with the answer of that time."""

    @functools.wraps(handle)
    def call(self: Any, request: Any) -> Any:
        if not request.idempotency_key:
            return handle(self, request)
        key, asked = (handle.__name__, request.idempotency_key), fingerprint(request)
        if key not in self.answers:
            response = handle(self, request)
            self.answers[key] = (asked, copy_of(response))
            return response
        before, response = self.answers[key]
        if before != asked:
            raise BillingError(Code.ALREADY_EXISTS, "idempotency key was used for another request")
        return response

    return call


def check_quantity(quantity: int) -> None:
    require(1 <= quantity <= MAX_QUANTITY, f"quantity: must be 1 to {MAX_QUANTITY}")


def check_label(label: str) -> None:
    require(len(label) <= MAX_LABEL, f"label: at most {MAX_LABEL} characters")


def page_token(request: Any, key: Iterable[int]) -> str:
    """What the page after the subscription with this sort key is asked for with."""
    position = ".".join(map(str, key))
    asked = fingerprint(request, "page_size", "page_token")
    return f"{position}:{hashlib.sha256(asked + position.encode()).hexdigest()[:16]}"


def position_of(request: Any) -> list[int]:
    position = request.page_token.partition(":")[0]
    try:
        key = [int(part) for part in position.split(".")]
    except ValueError:
        key = []
    require(page_token(request, key) == request.page_token, "page_token: not valid for this request")
    return key


class Server:
    """All data, in memory."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.plans: dict[str, Any] = {}
        self.customers: dict[str, Any] = {}
        self.subscriptions: dict[str, Any] = {}
        self.numbers: dict[str, int] = {}
        self.invoices: dict[str, Any] = {}
        self.payments: dict[str, Any] = {}
        self.events: list[Any] = []
        self.answers: dict[tuple[str, str], tuple[bytes, Any]] = {}
        self.trials: set[tuple[str, str]] = set()
        self.usage_keys: set[tuple[str, str]] = set()

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self.environment.token()}"

    def _now(self) -> int:
        """Milliseconds since 1970."""
        return int(self.environment.now() * 1000)

    def _get(self, table: dict[str, Any], field: str, key: str) -> Any:
        require(bool(key), f"{field}: is required")
        if key not in table:
            raise BillingError(Code.NOT_FOUND, f"{field}: not found")
        return table[key]

    def _publish(self, kind: int, subscription: Any, invoice_id: str = "") -> None:
        event = pb.Event(
            sequence=len(self.events) + 1,
            type=kind,
            customer_id=subscription.customer_id,
            subscription_id=subscription.id,
            invoice_id=invoice_id,
        )
        event.time.FromMilliseconds(self._now())
        self.events.append(event)

    def _open_invoices(self, subscription: Any) -> list[Any]:
        return [
            one
            for one in self.invoices.values()
            if one.subscription_id == subscription.id and one.state == pb.INVOICE_STATE_OPEN
        ]

    def _invoice(self, subscription: Any, lines: list[tuple[str, int]]) -> None:
        customer = self.customers[subscription.customer_id]
        invoice = pb.Invoice(id=self._id("inv"), subscription_id=subscription.id, customer_id=customer.id)
        for description, amount in lines:
            invoice.lines.add(description=description, amount_cents=amount)
            invoice.subtotal_cents += amount
        invoice.credit_cents = min(customer.credit_cents, invoice.subtotal_cents)
        customer.credit_cents -= invoice.credit_cents
        invoice.total_cents = invoice.subtotal_cents - invoice.credit_cents
        invoice.state = pb.INVOICE_STATE_OPEN
        invoice.create_time.FromMilliseconds(self._now())
        self.invoices[invoice.id] = invoice
        subscription.latest_invoice_id = invoice.id
        self._publish(pb.EVENT_TYPE_INVOICE_CREATED, subscription, invoice.id)
        self._settle(invoice)

    def _settle(self, invoice: Any) -> None:
        """Mark an invoice as paid if nothing is due."""
        if invoice.paid_cents < invoice.total_cents:
            return
        invoice.state = pb.INVOICE_STATE_PAID
        subscription = self.subscriptions[invoice.subscription_id]
        self._publish(pb.EVENT_TYPE_INVOICE_PAID, subscription, invoice.id)
        if subscription.state == PAST_DUE and not self._open_invoices(subscription):
            subscription.state = ACTIVE

    def _price(self, subscription: Any) -> int:
        return int(self.plans[subscription.plan_id].price_cents * subscription.quantity)

    def _begin_period(self, subscription: Any, days: int) -> None:
        start = self._now()
        subscription.period_start.FromMilliseconds(start)
        subscription.period_end.FromMilliseconds(start + days * MILLISECONDS_A_DAY)

    def _check_single(self, customer_id: str, plan_id: str, besides: str = "") -> None:
        for one in self.subscriptions.values():
            if (one.customer_id, one.plan_id) == (customer_id, plan_id) and one.state != CANCELED and one.id != besides:
                raise BillingError(Code.ALREADY_EXISTS, "customer has a subscription to this plan")

    def _cancel(self, subscription: Any) -> None:
        subscription.state = CANCELED
        subscription.cancel_time.FromMilliseconds(self._now())
        self._publish(pb.EVENT_TYPE_SUBSCRIPTION_CANCELED, subscription)

    @unary
    def CreatePlan(self, request: Any) -> Any:
        if any(one.code == request.code for one in self.plans.values()):
            raise BillingError(Code.ALREADY_EXISTS, f"plan code {request.code} is taken")
        plan = pb.Plan(
            id=self._id("plan"),
            code=request.code,
            name=request.name,
            price_cents=request.price_cents,
            period_days=request.period_days,
            trial_days=request.trial_days,
            included_units=request.included_units,
            overage_cents=request.overage_cents,
        )
        self.plans[plan.id] = plan
        return plan

    @unary
    def CreateCustomer(self, request: Any) -> Any:
        if any(one.email.lower() == request.email.lower() for one in self.customers.values()):
            raise BillingError(Code.ALREADY_EXISTS, "email is taken")
        customer = pb.Customer(id=self._id("cus"), name=request.name, email=request.email)
        customer.create_time.FromMilliseconds(self._now())
        self.customers[customer.id] = customer
        return customer

    @unary
    def GetCustomer(self, request: Any) -> Any:
        return self._get(self.customers, "id", request.id)

    @unary
    @once
    def GrantCredit(self, request: Any) -> Any:
        customer = self._get(self.customers, "customer_id", request.customer_id)
        customer.credit_cents += request.amount_cents
        return customer

    @unary
    def CreateSubscription(self, request: Any) -> Any:
        if request.HasField("quantity"):
            check_quantity(request.quantity)
        check_label(request.label)
        require(len(request.idempotency_key) <= MAX_KEY, f"idempotency_key: at most {MAX_KEY} characters")
        require(bool(request.customer_id and request.plan_id), "customer_id and plan_id: are required")
        return self._subscribe(request)

    @once
    def _subscribe(self, request: Any) -> Any:
        quantity = request.quantity if request.HasField("quantity") else 1
        customer = self._get(self.customers, "customer_id", request.customer_id)
        plan = self._get(self.plans, "plan_id", request.plan_id)
        self._check_single(customer.id, plan.id)
        subscription = pb.Subscription(
            id=self._id("sub"), customer_id=customer.id, plan_id=plan.id, quantity=quantity, label=request.label
        )
        subscription.create_time.FromMilliseconds(self._now())
        self.subscriptions[subscription.id] = subscription
        self.numbers[subscription.id] = len(self.numbers)
        self._publish(pb.EVENT_TYPE_SUBSCRIPTION_CREATED, subscription)
        if plan.trial_days and not request.skip_trial and (customer.id, plan.id) not in self.trials:
            self.trials.add((customer.id, plan.id))
            subscription.state = TRIALING
            self._begin_period(subscription, plan.trial_days)
            subscription.trial_end.CopyFrom(subscription.period_end)
        else:
            subscription.state = ACTIVE
            self._begin_period(subscription, plan.period_days)
            self._invoice(subscription, [(f"{plan.name} x {quantity}", self._price(subscription))])
        return subscription

    @unary
    def GetSubscription(self, request: Any) -> Any:
        return self._get(self.subscriptions, "id", request.id)

    @unary
    def UpdateSubscription(self, request: Any) -> Any:
        wanted, paths = request.subscription, request.update_mask.paths
        require(bool(paths), "update_mask: at least one path is required")
        for path in paths:
            require(path in UPDATABLE, f"update_mask: {path} can't be updated")
        if "quantity" in paths:
            check_quantity(wanted.quantity)
        if "label" in paths:
            check_label(wanted.label)
        require("plan_id" not in paths or bool(wanted.plan_id), "subscription.plan_id: is required")
        subscription = self._get(self.subscriptions, "subscription.id", wanted.id)
        if "plan_id" in paths:
            self._get(self.plans, "subscription.plan_id", wanted.plan_id)
        if subscription.state not in (TRIALING, ACTIVE):
            raise BillingError(Code.FAILED_PRECONDITION, "subscription must be trialing or active")
        if "plan_id" in paths:
            self._check_single(subscription.customer_id, wanted.plan_id, besides=subscription.id)
        before = self._price(subscription)
        for path in paths:
            setattr(subscription, path, getattr(wanted, path))
        if subscription.state == ACTIVE:
            self._prorate(subscription, self._price(subscription) - before)
        self._publish(pb.EVENT_TYPE_SUBSCRIPTION_UPDATED, subscription)
        return subscription

    def _prorate(self, subscription: Any, difference: int) -> None:
        end = subscription.period_end.ToMilliseconds()
        days = (end - subscription.period_start.ToMilliseconds()) // MILLISECONDS_A_DAY
        left = min(days, max(0, -((self._now() - end) // MILLISECONDS_A_DAY)))
        amount = abs(difference) * left // days
        if amount and difference > 0:
            self._invoice(subscription, [(f"Change for {left} of {days} days", amount)])
        elif amount:
            self.customers[subscription.customer_id].credit_cents += amount

    @unary
    def ListSubscriptions(self, request: Any) -> Any:
        after = position_of(request) if request.page_token else None

        def key(one: Any) -> list[int]:
            newest = -self.numbers[one.id]
            if request.order == pb.SUBSCRIPTION_ORDER_PERIOD_END:
                return [one.period_end.ToMilliseconds(), newest]
            return [newest]

        found = [
            one
            for one in self.subscriptions.values()
            if request.customer_id in ("", one.customer_id)
            and request.plan_id in ("", one.plan_id)
            and (not request.states or one.state in request.states)
            and (after is None or key(one) > after)
        ]
        found.sort(key=key)
        shown = found[: request.page_size or DEFAULT_PAGE]
        token = page_token(request, key(shown[-1])) if len(shown) < len(found) else ""
        return pb.ListSubscriptionsResponse(subscriptions=shown, next_page_token=token)

    @unary
    def CancelSubscription(self, request: Any) -> Any:
        subscription = self._get(self.subscriptions, "id", request.id)
        if subscription.state == CANCELED:
            raise BillingError(Code.FAILED_PRECONDITION, "subscription is already canceled")
        if request.at_period_end:
            if subscription.state == PAST_DUE:
                raise BillingError(Code.FAILED_PRECONDITION, "a past due subscription can only be canceled now")
            subscription.cancel_at_period_end = True
            return subscription
        for invoice in self._open_invoices(subscription):
            if not invoice.paid_cents:
                invoice.state = pb.INVOICE_STATE_VOID
                self.customers[invoice.customer_id].credit_cents += invoice.credit_cents
        self._cancel(subscription)
        return subscription

    @unary
    def RenewSubscription(self, request: Any) -> Any:
        subscription = self._get(self.subscriptions, "id", request.id)
        if subscription.state in (PAST_DUE, CANCELED):
            raise BillingError(Code.FAILED_PRECONDITION, "subscription is past due or canceled")
        if self._open_invoices(subscription):
            subscription.state = PAST_DUE
            self._publish(pb.EVENT_TYPE_SUBSCRIPTION_PAST_DUE, subscription)
            return subscription
        plan = self.plans[subscription.plan_id]
        overage = max(0, subscription.usage_units - plan.included_units) if subscription.state == ACTIVE else 0
        lines = [(f"{overage} units of overage", overage * plan.overage_cents)] if overage else []
        subscription.usage_units = 0
        if subscription.cancel_at_period_end:
            self._cancel(subscription)
        else:
            subscription.state = ACTIVE
            self._begin_period(subscription, plan.period_days)
            lines.insert(0, (f"{plan.name} x {subscription.quantity}", self._price(subscription)))
            self._publish(pb.EVENT_TYPE_SUBSCRIPTION_RENEWED, subscription)
        if lines:
            self._invoice(subscription, lines)
        return subscription

    @unary
    def GetInvoice(self, request: Any) -> Any:
        return self._get(self.invoices, "id", request.id)

    @unary
    @once
    def PayInvoice(self, request: Any) -> Any:
        invoice = self._get(self.invoices, "invoice_id", request.invoice_id)
        if invoice.state != pb.INVOICE_STATE_OPEN:
            raise BillingError(Code.FAILED_PRECONDITION, "invoice is not open")
        due = invoice.total_cents - invoice.paid_cents
        if request.amount_cents > due:
            raise BillingError(Code.OUT_OF_RANGE, f"amount_cents: only {due} are due")
        payment = pb.Payment(id=self._id("pay"), invoice_id=invoice.id, amount_cents=request.amount_cents)
        payment.create_time.FromMilliseconds(self._now())
        self.payments[payment.id] = payment
        invoice.paid_cents += request.amount_cents
        self._settle(invoice)
        return payment

    @unary
    @once
    def RefundPayment(self, request: Any) -> Any:
        payment = self._get(self.payments, "payment_id", request.payment_id)
        rest = payment.amount_cents - payment.refunded_cents
        if request.amount_cents > rest:
            raise BillingError(Code.OUT_OF_RANGE, f"amount_cents: only {rest} can be refunded")
        invoice = self.invoices[payment.invoice_id]
        payment.refunded_cents += request.amount_cents
        invoice.refunded_cents += request.amount_cents
        if request.as_credit:
            self.customers[invoice.customer_id].credit_cents += request.amount_cents
        return payment

    def _book(self, record: Any) -> bool:
        """Whether the record was booked; not if it is a duplicate."""
        require(1 <= record.units <= MAX_UNITS, f"units: must be 1 to {MAX_UNITS}")
        require(len(record.record_key) <= MAX_KEY, f"record_key: at most {MAX_KEY} characters")
        subscription = self._get(self.subscriptions, "subscription_id", record.subscription_id)
        key = (subscription.id, record.record_key)
        if record.record_key and key in self.usage_keys:
            return False
        if subscription.state == CANCELED:
            raise BillingError(Code.FAILED_PRECONDITION, "subscription is canceled")
        self.usage_keys.add(key)
        subscription.usage_units += record.units
        return True

    async def RecordUsage(self, records: AsyncIterator[Any], context: Any) -> Any:
        summary, index = pb.UsageSummary(), 0
        async for record in records:
            try:
                if self._book(record):
                    summary.booked += 1
                    summary.booked_units += record.units
                else:
                    summary.duplicates += 1
            except BillingError as error:
                summary.rejected += 1
                if len(summary.rejections) < MAX_REJECTIONS:
                    summary.rejections.add(index=index, reason=error.message)
            index += 1
        return summary

    def _selected(self, request: Any) -> list[Any]:
        require(request.after_sequence >= 0, "after_sequence: must not be negative")
        require(0 <= request.limit <= MAX_EVENTS, f"limit: must be 0 to {MAX_EVENTS}")
        for kind in request.types:
            require(kind != 0 and kind in pb.EventType.values(), "types: unknown event type")
        if request.customer_id:
            self._get(self.customers, "customer_id", request.customer_id)
        found = [
            event
            for event in self.events
            if event.sequence > request.after_sequence
            and request.customer_id in ("", event.customer_id)
            and (not request.types or event.type in request.types)
        ]
        return found[: request.limit] if request.limit else found

    async def StreamEvents(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            for event in self._selected(request):
                yield event
        except BillingError as error:
            await context.abort(error.code, error.message)
