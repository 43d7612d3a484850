"""The back office of an insurer on grpcio's threads: policies, insured items, claims, documents, payouts, quotes."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import functools
import hashlib
import itertools
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("insurance.v1.Policies", "insurance.v1.Claims")
pb = Messages("insurance", "insurance.v1")

FIRST_DAY, LAST_DAY = "2000-01-01", "2099-12-31"
MIN_LIMIT, MAX_LIMIT = 1_000_00, 1_000_000_00
MAX_DAMAGE = 10_000_000_00
MIN_PREMIUM, NO_DOCUMENT_UP_TO = 10_00, 5_000_00
MIN_DAYS, MAX_DAYS = 28, 366
MIN_AGE = 18
MAX_ITEMS, MAX_DOCUMENTS, MAX_REOPENED = 20, 10, 2
MAX_CHUNK, MAX_DOCUMENT = 64 * 1024, 1024 * 1024
DEFAULT_PAGE, MAX_PAGE = 25, 100

# What a year costs, in hundredths of a percent of the coverage limit.
RATES = {pb.PRODUCT_HOME: 40, pb.PRODUCT_AUTO: 300, pb.PRODUCT_TRAVEL: 500, pb.PRODUCT_PET: 600}
MEDIA_TYPES = ("application/pdf", "image/jpeg", "image/png")
ORDERS: dict[int, Callable[[Any], int]] = {
    pb.CLAIM_ORDER_UNSPECIFIED: lambda claim: 0,
    pb.CLAIM_ORDER_INCIDENT_DAY: lambda claim: -int(claim.incident_day.replace("-", "")),
    pb.CLAIM_ORDER_CLAIMED: lambda claim: -int(claim.claimed_cents),
}
CLOSED = (pb.CLAIM_STATE_PAID, pb.CLAIM_STATE_DENIED)
ASSESSABLE = (pb.CLAIM_STATE_FILED, pb.CLAIM_STATE_REOPENED, pb.CLAIM_STATE_UNDER_REVIEW)

EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.+[^@\s.]+)+")
PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
SERIAL_NUMBER = re.compile(r"[A-Z0-9-]{1,30}")
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
REQUEST_ID_RULE = "up to 64 letters, digits, dashes and underscores"
SHA256 = re.compile(r"[0-9a-f]{64}")
PAGE_TOKEN = re.compile(r"([0-9a-f]{16}):(-?[0-9]{1,15}):([0-9]{1,15})")


class Refused(Exception):
    """The status that a call ends with, and the reason in words."""


invalid = functools.partial(Refused, grpc.StatusCode.INVALID_ARGUMENT)
not_found = functools.partial(Refused, grpc.StatusCode.NOT_FOUND)
already_exists = functools.partial(Refused, grpc.StatusCode.ALREADY_EXISTS)


def found(kind: str, things: dict[str, Any], key: str) -> Any:
    if key not in things:
        raise not_found(f"there is no such {kind}")
    return things[key]


def require(holds: bool, rule: str) -> None:
    if not holds:
        raise invalid(rule)


def require_state(holds: bool, why_not: str) -> None:
    if not holds:
        raise Refused(grpc.StatusCode.FAILED_PRECONDITION, why_not)


def has_control_characters(text: str) -> bool:
    return any(unicodedata.category(one) == "Cc" for one in text)


def check_text(field: str, text: str, most: int, *, required: bool = True) -> None:
    require(bool(text.strip()) or not required, f"{field} must not be blank")
    require(len(text) <= most, f"{field} must not be longer than {most} characters")


def check_name(name: str) -> None:
    check_text("name", name, 100)
    require(not has_control_characters(name), "name must not have control characters")


def check_email(email: str) -> None:
    fits = len(email) <= 254 and not has_control_characters(email) and EMAIL.fullmatch(email)
    require(bool(fits), "email must be an address like somebody@example.com")


def check_optional(field: str, text: str, pattern: re.Pattern[str], rule: str) -> None:
    require(not text or bool(pattern.fullmatch(text)), f"{field} must be {rule}")


def check_phone(phone: str) -> None:
    check_optional("phone", phone, PHONE, "a plus and 7 to 15 digits, like +15550100200")


def check_id(field: str, value: str) -> None:
    require(bool(value), f"{field} is missing")


def check_range(field: str, value: int, least: int, most: int, unit: str = "cents") -> None:
    require(least <= value <= most, f"{field} must be from {least} to {most} {unit}")


def check_declared(field: str, enum: str, value: int, *, optional: bool = False) -> None:
    """Raises Refused unless the value is one of the enum; the unspecified one is only one where it is optional."""
    declared = value in getattr(pb, enum).values() and (value != 0 or optional)
    require(declared, f"{field} must be one of the values of {enum}")


def check_day(field: str, text: str, first: str = FIRST_DAY) -> dt.date:
    require(bool(DAY.fullmatch(text)), f"{field} must be written YYYY-MM-DD")
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise invalid(f"{field} is not a day of the calendar") from None
    require(first <= text <= LAST_DAY, f"{field} must be from {first} to {LAST_DAY}")
    return day


def check_days(first_field: str, first: str, last_field: str, last: str) -> None:
    """A range whose ends may both be left out."""
    if first:
        check_day(first_field, first)
    if last:
        check_day(last_field, last)
    require(not first or not last or first <= last, f"{first_field} must not be after {last_field}")


def check_limit(cents: int) -> None:
    check_range("coverage_limit_cents", cents, MIN_LIMIT, MAX_LIMIT)
    require(cents % 100 == 0, "coverage_limit_cents must be whole dollars")


def check_deductible(cents: int, limit: int) -> None:
    check_range("deductible_cents", cents, 0, limit // 10)


def check_terms(request: Any) -> int:
    """The rules that policies and quotes have in common; gives the days of the term."""
    check_declared("product", "Product", request.product)
    check_limit(request.coverage_limit_cents)
    check_deductible(request.deductible_cents, request.coverage_limit_cents)
    start, end = check_day("start_day", request.start_day), check_day("end_day", request.end_day)
    days = (end - start).days + 1
    least = 1 if request.product == pb.PRODUCT_TRAVEL else MIN_DAYS
    check_range("the term", days, least, MAX_DAYS, "days")
    return days


def check_item(item: Any) -> None:
    check_text("add.name", item.name, 80)
    require(item.value_cents >= 1_00, "add.value_cents must be 100 cents or more")
    rule = "up to 30 upper-case letters, digits and dashes"
    check_optional("add.serial_number", item.serial_number, SERIAL_NUMBER, rule)


def check_header(header: Any) -> None:
    check_id("header.claim_id", header.claim_id)
    check_text("header.file_name", header.file_name, 100)
    bad = has_control_characters(header.file_name) or "/" in header.file_name or "\\" in header.file_name
    require(not bad, "header.file_name must not have slashes, backslashes or control characters")
    require(header.media_type in MEDIA_TYPES, f"header.media_type must be one of {', '.join(MEDIA_TYPES)}")
    check_range("header.size_bytes", header.size_bytes, 1, MAX_DOCUMENT, "bytes")
    check_optional("header.sha256", header.sha256, SHA256, "64 hexadecimal digits in lower case")


def premium_of(terms: Any, days: int) -> int:
    """What a policy, or one that is to be quoted, costs for that many days."""
    percent = terms.deductible_cents * 100 // terms.coverage_limit_cents
    numerator = terms.coverage_limit_cents * RATES[terms.product] * (100 - 3 * percent) * days
    denominator = 100_00 * 100 * 365
    return max(MIN_PREMIUM, int(2 * numerator + denominator) // (2 * denominator))


def days_of(policy: Any) -> int:
    return (dt.date.fromisoformat(policy.end_day) - dt.date.fromisoformat(policy.start_day)).days + 1


def covers(policy: Any, day: str) -> bool:
    if policy.cancel_day and day >= policy.cancel_day:
        return False
    return bool(policy.start_day <= day <= policy.end_day)


def copied(message: Any) -> Any:
    return type(message).FromString(message.SerializeToString())


def is_open(claim: Any) -> bool:
    return claim.state not in CLOSED


def digest_of(request: Any, *left_out: str) -> str:
    known = type(request)()
    known.CopyFrom(request)
    known.DiscardUnknownFields()
    for field in left_out:
        known.ClearField(field)
    return hashlib.sha256(known.SerializeToString(deterministic=True)).hexdigest()[:16]


def page_of(request: Any, keyed: list[tuple[tuple[int, int], Any]]) -> tuple[list[Any], str]:
    """One page of what matches, by keys that no two share, and the token of the next page."""
    digest = digest_of(request, "page_size", "page_token")
    keyed.sort(key=lambda one: one[0])
    if request.page_token:
        try:
            told = PAGE_TOKEN.fullmatch(base64.b64decode(request.page_token, validate=True).decode("ascii"))
        except ValueError:
            told = None
        if told is None:
            raise invalid("page_token is not one that this server gave out")
        if told[1] != digest:
            raise invalid("page_token belongs to a request with other filters")
        last = (int(told[2]), int(told[3]))
        keyed = [one for one in keyed if one[0] > last]
    size = min(request.page_size or DEFAULT_PAGE, MAX_PAGE)
    token = ""
    if len(keyed) > size:
        major, minor = keyed[size - 1][0]
        token = base64.b64encode(f"{digest}:{major}:{minor}".encode()).decode()
    return [thing for _, thing in keyed[:size]], token


class Server:
    """Both services. All data is in memory; whoever holds the lock may read and change it."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.lock = threading.Lock()
        self.policyholders: dict[str, Any] = {}
        self.emails: dict[str, str] = {}
        self.policies: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.claims_on: dict[str, list[Any]] = {}
        self.numbers: dict[str, int] = {}
        self.policy_numbers = itertools.count(1)
        self.claim_numbers = itertools.count(1)
        self.requests: dict[tuple[str, str], tuple[str, str]] = {}

    @contextlib.contextmanager
    def _answering(self, context: Any) -> Iterator[None]:
        """Ends the call with the status of what is refused within."""
        try:
            yield
        except Refused as refused:
            context.abort(*refused.args)

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self.environment.token()}"

    def _stamp(self, timestamp: Any) -> None:
        timestamp.FromMilliseconds(int(self.environment.now() * 1000))

    def _today(self) -> str:
        return dt.datetime.fromtimestamp(self.environment.now(), dt.UTC).date().isoformat()

    def _repeated(self, method: str, request: Any) -> str:
        """The id of what a request with this request_id made before; empty if there was none."""
        digest, made = self.requests.get((method, request.request_id), ("", ""))
        if made and digest != digest_of(request):
            raise already_exists("request_id came with a different request before")
        return made

    def _remember(self, method: str, request: Any, made: str) -> None:
        if request.request_id:
            self.requests[method, request.request_id] = (digest_of(request), made)

    def CreatePolicyholder(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_name(request.name)
            check_email(request.email)
            check_phone(request.phone)
            birth = check_day("birth_day", request.birth_day, "1900-01-01")
            today = dt.date.fromisoformat(self._today())
            age = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
            require(age >= MIN_AGE, f"birth_day must be {MIN_AGE} years ago or more")
            if request.email.casefold() in self.emails:
                raise already_exists("somebody else has this email")
            holder = pb.Policyholder(policyholder_id=self._id("ph"), name=request.name, email=request.email)
            holder.phone, holder.birth_day = request.phone, request.birth_day
            self._stamp(holder.create_time)
            holder.update_time.CopyFrom(holder.create_time)
            self.policyholders[holder.policyholder_id] = holder
            self.emails[holder.email.casefold()] = holder.policyholder_id
            return copied(holder)

    def GetPolicyholder(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("policyholder_id", request.policyholder_id)
            return copied(found("policyholder", self.policyholders, request.policyholder_id))

    def UpdatePolicyholder(self, request: Any, context: Any) -> Any:
        checks = {"name": check_name, "email": check_email, "phone": check_phone}
        with self._answering(context), self.lock:
            wanted, paths = request.policyholder, set(request.update_mask.paths)
            check_id("policyholder.policyholder_id", wanted.policyholder_id)
            require(bool(paths), "update_mask must name at least one field")
            require(paths <= set(checks), "update_mask must name name, email and phone only")
            for path in paths:
                checks[path](getattr(wanted, path))
            holder = found("policyholder", self.policyholders, wanted.policyholder_id)
            if "email" in paths:
                if self.emails.get(wanted.email.casefold(), holder.policyholder_id) != holder.policyholder_id:
                    raise already_exists("somebody else has this email")
                del self.emails[holder.email.casefold()]
                self.emails[wanted.email.casefold()] = holder.policyholder_id
            for path in paths:
                setattr(holder, path, getattr(wanted, path))
            self._stamp(holder.update_time)
            return copied(holder)

    def DeletePolicyholder(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("policyholder_id", request.policyholder_id)
            holder = found("policyholder", self.policyholders, request.policyholder_id)
            policies = [one for one in self.policies.values() if one.policyholder_id == holder.policyholder_id]
            running = (pb.POLICY_STATUS_SCHEDULED, pb.POLICY_STATUS_ACTIVE)
            require_state(not any(self._status(one) in running for one in policies), "a policy is scheduled or active")
            claims = [claim for one in policies for claim in self.claims_on[one.policy_id]]
            require_state(not any(map(is_open, claims)), "a claim is open")
            for claim in claims:
                del self.claims[claim.claim_id], self.numbers[claim.claim_id]
            for one in policies:
                del self.policies[one.policy_id], self.numbers[one.policy_id], self.claims_on[one.policy_id]
            erased = {one.policy_id for one in policies} | {one.claim_id for one in claims}
            self.requests = {key: told for key, told in self.requests.items() if told[1] not in erased}
            del self.emails[holder.email.casefold()]
            del self.policyholders[holder.policyholder_id]
            return pb.DeletePolicyholderResponse()

    def _status(self, policy: Any) -> int:
        today = self._today()
        if policy.cancel_day:
            return int(pb.POLICY_STATUS_CANCELED)
        if policy.start_day > today:
            return int(pb.POLICY_STATUS_SCHEDULED)
        return int(pb.POLICY_STATUS_EXPIRED if policy.end_day < today else pb.POLICY_STATUS_ACTIVE)

    def _paid_on(self, policy: Any) -> int:
        return sum(claim.paid_cents for claim in self.claims_on[policy.policy_id])

    def _shown(self, policy: Any) -> Any:
        shown = copied(policy)
        shown.status = self._status(policy)
        shown.remaining_limit_cents = policy.coverage_limit_cents - self._paid_on(policy)
        return shown

    def _write(self, policy: Any, days: int) -> None:
        policy.policy_id = self._id("pol")
        number = self.numbers[policy.policy_id] = next(self.policy_numbers)
        policy.policy_number = f"P-{number:06}"
        policy.premium_cents = premium_of(policy, days)
        self._stamp(policy.create_time)
        self.policies[policy.policy_id] = policy
        self.claims_on[policy.policy_id] = []

    def CreatePolicy(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("policyholder_id", request.policyholder_id)
            check_optional("request_id", request.request_id, REQUEST_ID, REQUEST_ID_RULE)
            days = check_terms(request)
            made = self._repeated("CreatePolicy", request)
            if made:
                return self._shown(self.policies[made])
            holder = found("policyholder", self.policyholders, request.policyholder_id)
            policy = pb.Policy(policyholder_id=holder.policyholder_id, product=request.product)
            for field in ("coverage_limit_cents", "deductible_cents", "start_day", "end_day"):
                setattr(policy, field, getattr(request, field))
            self._write(policy, days)
            self._remember("CreatePolicy", request, policy.policy_id)
            return self._shown(policy)

    def GetPolicy(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("policy_id", request.policy_id)
            return self._shown(found("policy", self.policies, request.policy_id))

    def ListPolicies(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_declared("product", "Product", request.product, optional=True)
            for status in request.statuses:
                check_declared("statuses", "PolicyStatus", status)
            if request.covers_day:
                check_day("covers_day", request.covers_day)
            require(request.page_size >= 0, "page_size must not be negative")
            if request.policyholder_id:
                found("policyholder", self.policyholders, request.policyholder_id)
            matching = [
                ((0, self.numbers[policy.policy_id]), policy)
                for policy in self.policies.values()
                if request.policyholder_id in ("", policy.policyholder_id)
                and request.product in (pb.PRODUCT_UNSPECIFIED, policy.product)
                and (not request.statuses or self._status(policy) in request.statuses)
                and (not request.covers_day or covers(policy, request.covers_day))
            ]
            page, token = page_of(request, matching)
            return pb.ListPoliciesResponse(
                policies=[self._shown(one) for one in page], next_page_token=token, total_size=len(matching)
            )

    def RenewPolicy(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("policy_id", request.policy_id)
            if request.HasField("coverage_limit_cents"):
                check_limit(request.coverage_limit_cents)
            if request.HasField("deductible_cents"):
                given = request.HasField("coverage_limit_cents")
                check_deductible(request.deductible_cents, request.coverage_limit_cents if given else MAX_LIMIT)
            old = found("policy", self.policies, request.policy_id)
            require_state(old.product != pb.PRODUCT_TRAVEL, "travel policies can't be renewed")
            require_state(not old.cancel_day, "the policy is canceled")
            require_state(not old.renewed_by, "the policy has been renewed")
            days = days_of(old)
            start = dt.date.fromisoformat(old.end_day) + dt.timedelta(days=1)
            end = start + dt.timedelta(days=days - 1)
            require_state(end.isoformat() <= LAST_DAY, f"the next term would end after {LAST_DAY}")
            new = pb.Policy(policyholder_id=old.policyholder_id, product=old.product, renewal_of=old.policy_id)
            new.start_day, new.end_day = start.isoformat(), end.isoformat()
            for field in ("coverage_limit_cents", "deductible_cents"):
                setattr(new, field, getattr(request if request.HasField(field) else old, field))
            allowed = new.coverage_limit_cents // 10
            require_state(new.deductible_cents <= allowed, "the deductible would be more than a tenth of the limit")
            worth = sum(item.value_cents for item in old.items)
            require_state(worth <= new.coverage_limit_cents, "the items are worth more than the coverage limit")
            for item in old.items:
                new.items.add().MergeFrom(item)
                new.items[-1].item_id = self._id("item")
            self._write(new, days)
            if not self._paid_on(old):
                new.premium_cents = new.premium_cents * 90 // 100
            old.renewed_by = new.policy_id
            return self._shown(new)

    def CancelPolicy(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("policy_id", request.policy_id)
            day = check_day("cancel_day", request.cancel_day)
            policy = found("policy", self.policies, request.policy_id)
            if not policy.start_day <= request.cancel_day <= policy.end_day:
                raise Refused(grpc.StatusCode.OUT_OF_RANGE, "cancel_day is not a day of the term")
            require_state(not policy.cancel_day, "the policy is canceled already")
            require_state(not policy.renewed_by, "the policy has been renewed; cancel the renewal")
            for claim in self.claims_on[policy.policy_id]:
                require_state(not is_open(claim), "a claim on the policy is open")
                before = claim.incident_day < request.cancel_day
                require_state(before or not claim.paid_cents, "an incident on or after cancel_day was paid for")
            policy.cancel_day = request.cancel_day
            unused = (dt.date.fromisoformat(policy.end_day) - day).days + 1
            policy.refund_cents = policy.premium_cents * unused // days_of(policy)
            return self._shown(policy)

    def ChangeItems(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("policy_id", request.policy_id)
            removed = set(request.remove_item_ids)
            require(bool(request.add or removed), "there is nothing to add or to remove")
            for item_id in removed:
                check_id("remove_item_ids", item_id)
            require(len(removed) == len(request.remove_item_ids), "remove_item_ids must not have an item twice")
            for new in request.add:
                check_item(new)
            policy = found("policy", self.policies, request.policy_id)
            if removed - {item.item_id for item in policy.items}:
                raise not_found("an item to remove is not on the policy")
            items = [item for item in policy.items if item.item_id not in removed]
            for new in request.add:
                item = pb.Item(name=new.name, value_cents=new.value_cents, serial_number=new.serial_number)
                item.item_id = self._id("item")
                items.append(item)
            serials = [item.serial_number for item in items if item.serial_number]
            if len(set(serials)) < len(serials):
                raise already_exists("two items would have the same serial number")
            require_state(not policy.cancel_day, "the policy is canceled")
            claimed = {claim.item_id for claim in self.claims_on[policy.policy_id]}
            require_state(not removed & claimed, "there is a claim for an item to remove")
            require_state(len(items) <= MAX_ITEMS, f"the policy would have more than {MAX_ITEMS} items")
            worth = sum(item.value_cents for item in items)
            require_state(worth <= policy.coverage_limit_cents, "the items would be worth more than the coverage limit")
            changed = pb.Policy(items=items)
            policy.ClearField("items")
            policy.items.extend(changed.items)
            return self._shown(policy)

    def QuotePremiums(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        with self._answering(context):
            total = 0
            for position, request in enumerate(requests, 1):
                check_text("reference", request.reference, 40, required=False)
                days = check_terms(request)
                quote = pb.Quote(reference=request.reference, position=position)
                quote.premium_cents = premium_of(request, days)
                total += quote.premium_cents
                quote.running_total_cents = total
                yield quote

    def GetReport(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_days("from_day", request.from_day, "to_day", request.to_day)
            lines: dict[int, Any] = {}
            total = pb.ReportLine()
            for policy in self.policies.values():
                if not request.from_day <= policy.start_day <= (request.to_day or LAST_DAY):
                    continue
                line = lines.setdefault(policy.product, pb.ReportLine(product=policy.product))
                claims = self.claims_on[policy.policy_id]
                for one in (line, total):
                    one.policy_count += 1
                    one.canceled_count += bool(policy.cancel_day)
                    one.premium_cents += policy.premium_cents - policy.refund_cents
                    one.claim_count += len(claims)
                    one.open_claim_count += sum(is_open(claim) for claim in claims)
                    one.paid_cents += self._paid_on(policy)
            for one in (*lines.values(), total):
                if one.premium_cents:
                    one.loss_ratio_percent = round(100 * one.paid_cents / one.premium_cents, 1)
            return pb.Report(lines=[lines[product] for product in sorted(lines)], total=total)

    def _move(self, claim: Any, state: int) -> None:
        if claim.state != state:
            claim.state = state
            self._stamp(claim.history.add(state=state).change_time)

    def FileClaim(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("policy_id", request.policy_id)
            check_optional("request_id", request.request_id, REQUEST_ID, REQUEST_ID_RULE)
            check_day("incident_day", request.incident_day)
            require(request.incident_day <= self._today(), "incident_day must not be after today")
            check_text("description", request.description, 2000)
            check_range("claimed_cents", request.claimed_cents, 1, MAX_DAMAGE)
            made = self._repeated("FileClaim", request)
            if made:
                return copied(self.claims[made])
            policy = found("policy", self.policies, request.policy_id)
            claims = self.claims_on[policy.policy_id]
            if request.item_id:
                if not any(item.item_id == request.item_id for item in policy.items):
                    raise not_found("the policy has no such item")
                told = (request.item_id, request.incident_day)
                if any((claim.item_id, claim.incident_day) == told for claim in claims):
                    raise already_exists("there is a claim for this item and day; reopen that one")
            require_state(covers(policy, request.incident_day), "the policy doesn't cover the incident day")
            claim = pb.Claim(claim_id=self._id("clm"), policy_id=policy.policy_id, item_id=request.item_id)
            claim.incident_day, claim.description = request.incident_day, request.description
            claim.claimed_cents = request.claimed_cents
            self._stamp(claim.file_time)
            self._move(claim, pb.CLAIM_STATE_FILED)
            self.claims[claim.claim_id] = claim
            self.numbers[claim.claim_id] = next(self.claim_numbers)
            claims.append(claim)
            self._remember("FileClaim", request, claim.claim_id)
            return copied(claim)

    def GetClaim(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("claim_id", request.claim_id)
            return copied(found("claim", self.claims, request.claim_id))

    def ListClaims(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            for state in request.states:
                check_declared("states", "ClaimState", state)
            check_days("incident_from", request.incident_from, "incident_to", request.incident_to)
            require(request.min_claimed_cents >= 0, "min_claimed_cents must not be negative")
            check_declared("order", "ClaimOrder", request.order, optional=True)
            require(request.page_size >= 0, "page_size must not be negative")
            if request.policy_id:
                found("policy", self.policies, request.policy_id)
            if request.policyholder_id:
                found("policyholder", self.policyholders, request.policyholder_id)
            matching = [
                ((ORDERS[request.order](claim), self.numbers[claim.claim_id]), claim)
                for claim in self.claims.values()
                if request.policy_id in ("", claim.policy_id)
                and request.policyholder_id in ("", self.policies[claim.policy_id].policyholder_id)
                and (not request.states or claim.state in request.states)
                and request.incident_from <= claim.incident_day <= (request.incident_to or LAST_DAY)
                and claim.claimed_cents >= request.min_claimed_cents
            ]
            page, token = page_of(request, matching)
            return pb.ListClaimsResponse(
                claims=[copied(one) for one in page], next_page_token=token, total_size=len(matching)
            )

    def _check_attachable(self, claim: Any) -> None:
        require_state(is_open(claim), "the claim isn't open")
        require_state(len(claim.documents) < MAX_DOCUMENTS, f"the claim has {MAX_DOCUMENTS} documents")

    def UploadDocument(self, requests: Iterator[Any], context: Any) -> Any:
        with self._answering(context):
            first = next(requests, pb.UploadDocumentRequest())
            require(first.WhichOneof("part") == "header", "the first message must have a header")
            header = first.header
            check_header(header)
            with self.lock:
                self._check_attachable(found("claim", self.claims, header.claim_id))
            size, content = 0, hashlib.sha256()
            for request in requests:
                require(request.WhichOneof("part") == "chunk", "each message after the first must have a chunk")
                require(1 <= len(request.chunk) <= MAX_CHUNK, f"chunk must have from 1 to {MAX_CHUNK} bytes")
                size += len(request.chunk)
                require(size <= header.size_bytes, "the chunks have more bytes than header.size_bytes")
                content.update(request.chunk)
            require(size == header.size_bytes, "the chunks have fewer bytes than header.size_bytes")
            sha256 = content.hexdigest()
            require(header.sha256 in ("", sha256), "the content has another digest than header.sha256")
            # The content itself goes to the archive. Meanwhile, other calls may have changed the claim.
            with self.lock:
                claim = found("claim", self.claims, header.claim_id)
                self._check_attachable(claim)
                if any(one.sha256 == sha256 for one in claim.documents):
                    raise already_exists("the claim has a document with this content")
                document = claim.documents.add(document_id=self._id("doc"), claim_id=claim.claim_id)
                document.file_name, document.media_type = header.file_name, header.media_type
                document.size_bytes, document.sha256 = size, sha256
                self._stamp(document.upload_time)
                return copied(document)

    def AssessClaim(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("claim_id", request.claim_id)
            check_text("assessor", request.assessor, 100)
            check_range("damage_cents", request.damage_cents, 0, MAX_DAMAGE)
            check_text("note", request.note, 1000, required=False)
            claim = found("claim", self.claims, request.claim_id)
            require_state(claim.state in ASSESSABLE, "the claim has been decided")
            assessment = claim.assessments.add(assessor=request.assessor, damage_cents=request.damage_cents)
            assessment.note = request.note
            self._stamp(assessment.assess_time)
            self._move(claim, pb.CLAIM_STATE_UNDER_REVIEW)
            return copied(claim)

    def _payable(self, claim: Any) -> int:
        policy = self.policies[claim.policy_id]
        amounts = [claim.claimed_cents, claim.assessments[-1].damage_cents]
        amounts += [item.value_cents for item in policy.items if item.item_id == claim.item_id]
        return int(max(0, min(amounts) - policy.deductible_cents))

    def DecideClaim(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("claim_id", request.claim_id)
            check_declared("decision", "Decision", request.decision)
            denied = request.decision == pb.DECISION_DENY
            check_text("reason", request.reason, 500, required=denied)
            require(denied or not request.reason, "reason must be empty with an approval")
            claim = found("claim", self.claims, request.claim_id)
            require_state(claim.state == pb.CLAIM_STATE_UNDER_REVIEW, "the claim isn't under review")
            if denied:
                claim.reason = request.reason
                self._move(claim, pb.CLAIM_STATE_DENIED)
                return copied(claim)
            payable = self._payable(claim)
            require_state(payable > claim.paid_cents, "there is nothing to pay for this claim; deny it")
            documented = payable <= NO_DOCUMENT_UP_TO or bool(claim.documents)
            require_state(documented, "a claim for this much needs a document")
            claim.approved_cents = payable
            self._move(claim, pb.CLAIM_STATE_APPROVED)
            return copied(claim)

    def PayClaim(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("claim_id", request.claim_id)
            claim = found("claim", self.claims, request.claim_id)
            require_state(claim.state == pb.CLAIM_STATE_APPROVED, "the claim isn't approved")
            policy = self.policies[claim.policy_id]
            remaining = policy.coverage_limit_cents - self._paid_on(policy)
            require_state(remaining > 0, "nothing remains of the coverage limit")
            amount = min(claim.approved_cents - claim.paid_cents, remaining)
            self._stamp(claim.payouts.add(amount_cents=amount).pay_time)
            claim.paid_cents += amount
            self._move(claim, pb.CLAIM_STATE_PAID)
            return copied(claim)

    def ReopenClaim(self, request: Any, context: Any) -> Any:
        with self._answering(context), self.lock:
            check_id("claim_id", request.claim_id)
            check_text("reason", request.reason, 500)
            claim = found("claim", self.claims, request.claim_id)
            require_state(claim.state in CLOSED, "the claim is open")
            require_state(claim.reopen_count < MAX_REOPENED, f"the claim has been reopened {MAX_REOPENED} times")
            covered = covers(self.policies[claim.policy_id], claim.incident_day)
            require_state(covered, "the policy doesn't cover the incident day any more")
            claim.reopen_count += 1
            claim.reason = request.reason
            claim.approved_cents = 0
            self._move(claim, pb.CLAIM_STATE_REOPENED)
            return copied(claim)
