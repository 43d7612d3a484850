"""A shop on ``grpc.aio``: products, stock and carts, coupons, orders and what comes back of them."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any

import grpc

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("shop.v1.Catalog", "shop.v1.Checkout")
pb = Messages("shop", "shop.v1")

SKU = re.compile(r"[A-Z0-9][A-Z0-9-]{1,18}[A-Z0-9]")
CODE = re.compile(r"[A-Z0-9]{4,16}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
CHANGED = ("title", "description", "category", "price", "tags", "max_per_order")
OUTPUT_ONLY = ("id", "stock", "create_time", "update_time", "archive_time")
COUNTRY = re.compile(r"[A-Z]{2}")
CENT, RETURN_SECONDS = 10_000_000, 30 * 86_400
MOST_STOCK, MOST_LINES, MOST_BEHIND = 1_000_000, 1000, 10_000
MOST_ITEMS, MOST_OF_ONE = 20, 99
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
SHIPPING, FREE_SHIPPING_FROM = 495, 5000
NEXT = {
    pb.ORDER_STATE_PLACED: (pb.ORDER_STATE_PAID, pb.ORDER_STATE_CANCELED),
    pb.ORDER_STATE_PAID: (pb.ORDER_STATE_SHIPPED, pb.ORDER_STATE_CANCELED),
    pb.ORDER_STATE_SHIPPED: (pb.ORDER_STATE_DELIVERED,),
}


class Refused(Exception):
    """What a call ends with instead of an answer: a status, and a text."""


def need(met: bool, text: str, code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT) -> None:
    if not met:
        raise Refused(code, text)


fits = functools.partial(need, code=grpc.StatusCode.FAILED_PRECONDITION)


def existing(things: Mapping[str, Any], key: str, field: str, what: str) -> Any:
    need(key != "", f"{field} is required")
    need(key in things, f"There is no such {what}.", grpc.StatusCode.NOT_FOUND)
    return things[key]


def answering(handler: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any, Any], Awaitable[Any]]:
    """A handler that ends its call with what is refused inside."""

    @functools.wraps(handler)
    async def handle(self: Any, request: Any, context: Any) -> Any:
        try:
            request.DiscardUnknownFields()
            return await handler(self, request)
        except Refused as refused:
            await context.abort(*refused.args)

    return handle


def cents(money: Any) -> int:
    return int(money.units * 100 + money.nanos // CENT)


def check_text(field: str, text: str, most: int) -> None:
    need(text.strip() != "" and len(text) <= most, f"{field} must have 1 to {most} characters, not only spaces")


def check_product(product: Any) -> None:
    need(bool(SKU.fullmatch(product.sku)), "product.sku must have 3 to 20 capital letters, digits and inner hyphens")
    check_text("product.title", product.title, 80)
    need(len(product.description) <= 2000, "product.description must have at most 2000 characters")
    need(product.category in pb.Category.values()[1:], "product.category is none that there is")
    need(product.HasField("price"), "product.price is required")
    need(product.price.currency_code == "EUR", "product.price must be in EUR")
    need(product.price.nanos in range(0, 100 * CENT, CENT), "product.price must be whole cents")
    need(1 <= cents(product.price) <= 1_000_000, "product.price must be from 0.01 to 10000.00")
    need(len(set(product.tags)) == len(product.tags) <= 10, "product.tags must be at most 10, no two the same")
    for index, tag in enumerate(product.tags):
        check_text(f"product.tags[{index}]", tag, 30)
    if product.HasField("max_per_order"):
        need(1 <= product.max_per_order <= MOST_OF_ONE, f"product.max_per_order must be from 1 to {MOST_OF_ONE}")


def check_coupon(coupon: Any, now: float) -> None:
    need(bool(CODE.fullmatch(coupon.code)), "coupon.code must have 4 to 16 capital letters and digits")
    kind = coupon.WhichOneof("discount")
    need(kind is not None, "coupon.percent or coupon.cents_off is required")
    need(kind != "percent" or 1 <= coupon.percent <= 90, "coupon.percent must be from 1 to 90")
    need(kind != "cents_off" or 1 <= coupon.cents_off <= 100_000, "coupon.cents_off must be from 1 to 100000")
    need(min(coupon.minimum_cents, coupon.max_uses) >= 0, "minimum_cents and max_uses must not be negative")
    if coupon.HasField("expire_time"):
        until = coupon.expire_time
        is_time = FIRST_SECOND <= until.seconds <= LAST_SECOND and 0 <= until.nanos <= 999_999_999
        need(is_time, "coupon.expire_time is no time")
        need(until.ToMicroseconds() > now * 1e6, "coupon.expire_time must not be in the past")


def changed_paths(request: Any) -> list[str]:
    """The fields that an update changes."""
    paths = list(request.update_mask.paths)
    if paths == ["*"]:
        return list(CHANGED)
    if not paths:
        return [field.name for field, _ in request.product.ListFields() if field.name in CHANGED]
    for path in paths:
        need(path in CHANGED or path in OUTPUT_ONLY, f"update_mask: {path[:60]!r} is no field that can be changed")
    return [path for path in paths if path in CHANGED]


def replace(target: Any, source: Any, paths: Collection[str]) -> None:
    """Make some fields of a product what they are in another."""
    given = pb.Product.FromString(source.SerializeToString())
    for field in pb.Product.DESCRIPTOR.fields:
        (target if field.name in paths else given).ClearField(field.name)
    target.MergeFrom(given)


def read_token(request: Any) -> tuple[str, str]:
    """What stands for the filters of a list, and the SKU that the page before ended with."""
    asked = pb.ListProductsRequest.FromString(request.SerializeToString())
    asked.page_size, asked.page_token = 0, ""
    scope = hashlib.sha256(asked.SerializeToString(deterministic=True)).hexdigest()[:12]
    given, _, after = request.page_token.partition(":")
    need(not request.page_token or (given == scope and after != ""), "page_token is none of this list")
    return scope, after


class Server:
    """The shop in memory."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.products: dict[str, Any] = {}
        self.skus: dict[str, Any] = {}
        self.coupons: dict[str, Any] = {}
        self.carts: dict[str, dict[str, int]] = {}
        self.orders: dict[str, Any] = {}
        self.placed: dict[str, tuple[bytes, Any]] = {}
        self.watchers: list[tuple[frozenset[str], asyncio.Queue[Any]]] = []

    def _stamp(self, target: Any) -> None:
        target.FromMilliseconds(int(self.environment.now() * 1000))

    def _move(self, product: Any, delta: int, reason: int) -> None:
        """Change the stock of a product, and tell who watches it."""
        product.stock += delta
        for skus, news in self.watchers:
            if (not skus or product.sku in skus) and news.qsize() <= MOST_BEHIND:
                news.put_nowait(pb.StockChange(sku=product.sku, stock=product.stock, delta=delta, reason=reason))

    @answering
    async def CreateProduct(self, request: Any) -> Any:
        need(request.HasField("product"), "product is required")
        check_product(request.product)
        need(0 <= request.initial_stock <= MOST_STOCK, f"initial_stock must be from 0 to {MOST_STOCK}")
        need(request.product.sku not in self.skus, "There is a product of this SKU.", grpc.StatusCode.ALREADY_EXISTS)
        product = pb.Product(id=f"prod_{self.environment.token()}", sku=request.product.sku)
        replace(product, request.product, CHANGED)
        self._stamp(product.create_time)
        product.update_time.CopyFrom(product.create_time)
        self.products[product.id] = self.skus[product.sku] = product
        if request.initial_stock:
            self._move(product, request.initial_stock, pb.STOCK_REASON_DELIVERY)
        return product

    @answering
    async def GetProduct(self, request: Any) -> Any:
        return existing(self.products, request.id, "id", "product")

    @answering
    async def ListProducts(self, request: Any) -> Any:
        need(request.page_size >= 0, "page_size must not be negative")
        need(request.max_price_cents >= 0, "max_price_cents must not be negative")
        need(len(request.query) <= 60, "query must have at most 60 characters")
        need(request.category in pb.Category.values(), "category is none that there is")
        scope, after = read_token(request)
        size = min(request.page_size or 25, 100)
        found = [
            product
            for sku, product in sorted(self.skus.items())
            if sku > after
            and (request.show_archived or not product.HasField("archive_time"))
            and request.category in (pb.CATEGORY_UNSPECIFIED, product.category)
            and (not request.HasField("max_price_cents") or cents(product.price) <= request.max_price_cents)
            and request.query.casefold() in product.title.casefold()
            and set(request.tags) <= set(product.tags)
            and (product.stock > 0 or not request.in_stock_only)
        ]
        token = f"{scope}:{found[size - 1].sku}" if len(found) > size else ""
        return pb.ListProductsResponse(products=found[:size], next_page_token=token)

    @answering
    async def UpdateProduct(self, request: Any) -> Any:
        need(request.HasField("product"), "product is required")
        paths = changed_paths(request)
        product = existing(self.products, request.product.id, "product.id", "product")
        fits(not product.HasField("archive_time"), "The product is archived.")
        changed = pb.Product.FromString(product.SerializeToString())
        replace(changed, request.product, paths)
        check_product(changed)
        self._stamp(changed.update_time)
        product.CopyFrom(changed)
        return product

    @answering
    async def ArchiveProduct(self, request: Any) -> Any:
        product = existing(self.products, request.id, "id", "product")
        fits(not product.HasField("archive_time"), "The product is archived already.")
        self._stamp(product.archive_time)
        product.update_time.CopyFrom(product.archive_time)
        return product

    @answering
    async def RestoreProduct(self, request: Any) -> Any:
        product = existing(self.products, request.id, "id", "product")
        fits(product.HasField("archive_time"), "The product isn't archived.")
        product.ClearField("archive_time")
        self._stamp(product.update_time)
        return product

    async def ReceiveStock(self, requests: AsyncIterator[Any], context: Any) -> Any:
        lines: list[tuple[str, int]] = []
        async for request in requests:
            if len(lines) == MOST_LINES:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"There are more than {MOST_LINES} lines.")
            lines.append((request.sku[:21], request.quantity))
        summary = pb.ReceiveStockSummary()
        for line, (sku, quantity) in enumerate(lines):
            try:
                need(1 <= quantity <= 10_000, "quantity must be from 1 to 10000")
                product = existing(self.skus, sku, "sku", "product")
                fits(not product.HasField("archive_time"), "The product is archived.")
                fits(product.stock + quantity <= MOST_STOCK, "There is no room for so many.")
            except Refused as refused:
                summary.rejections.add(line=line, sku=sku[:20], reason=refused.args[1])
                continue
            self._move(product, quantity, pb.STOCK_REASON_DELIVERY)
            summary.booked += 1
            summary.units += quantity
        return summary

    async def WatchStock(self, request: Any, context: Any) -> AsyncIterator[Any]:
        if len(request.skus) > 20 or request.max_messages < 0:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "At most 20 skus; max_messages isn't negative.")
        wanted = frozenset(request.skus)
        if not wanted <= self.skus.keys():
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no product of one of the SKUs.")
        current = [
            pb.StockChange(sku=sku, stock=self.skus[sku].stock, reason=pb.STOCK_REASON_CURRENT)
            for sku in sorted(wanted or self.skus)
        ]
        news: asyncio.Queue[Any] = asyncio.Queue()
        self.watchers.append((wanted, news))
        sent = 0
        try:
            while not request.max_messages or sent < request.max_messages:
                if news.qsize() > MOST_BEHIND:
                    await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "The changes are read too slowly.")
                yield current[sent] if sent < len(current) else await news.get()
                sent += 1
        finally:
            self.watchers = [one for one in self.watchers if one[1] is not news]

    @answering
    async def CreateCoupon(self, request: Any) -> Any:
        need(request.HasField("coupon"), "coupon is required")
        check_coupon(request.coupon, self.environment.now())
        need(request.coupon.code not in self.coupons, "There is a coupon of this code.", grpc.StatusCode.ALREADY_EXISTS)
        request.coupon.times_used = 0
        self.coupons[request.coupon.code] = request.coupon
        return request.coupon

    def _cart(self, cart_id: str, coupon_code: str = "") -> Any:
        """A cart at the prices of now, less what a coupon takes off."""
        cart = pb.Cart(id=cart_id)
        for product_id, quantity in existing(self.carts, cart_id, "cart_id", "cart").items():
            product = self.products[product_id]
            price = cents(product.price)
            item = cart.items.add(product_id=product_id, sku=product.sku, quantity=quantity, unit_price_cents=price)
            item.line_cents = price * quantity
            cart.subtotal_cents += item.line_cents
        if coupon_code:
            coupon = self._usable(coupon_code, cart.subtotal_cents)
            cart.discount_cents = min(coupon.cents_off, cart.subtotal_cents)
            if coupon.HasField("percent"):
                cart.discount_cents = cart.subtotal_cents * coupon.percent // 100
        cart.total_cents = cart.subtotal_cents - cart.discount_cents
        return cart

    def _usable(self, code: str, subtotal: int) -> Any:
        coupon = existing(self.coupons, code, "coupon_code", "coupon")
        if coupon.HasField("expire_time"):
            fits(coupon.expire_time.ToMicroseconds() > self.environment.now() * 1e6, "The coupon has expired.")
        fits(coupon.max_uses == 0 or coupon.times_used < coupon.max_uses, "The coupon is used up.")
        fits(subtotal >= coupon.minimum_cents, f"The coupon is for {coupon.minimum_cents} cents and more.")
        return coupon

    def _check_sale(self, product: Any, quantity: int) -> None:
        fits(not product.HasField("archive_time"), f"{product.sku} is archived.")
        most = product.max_per_order if product.HasField("max_per_order") else MOST_OF_ONE
        fits(quantity <= most, f"One order may have at most {most} of {product.sku}.")

    @answering
    async def SetCartItem(self, request: Any) -> Any:
        need(0 <= request.quantity <= MOST_OF_ONE, f"quantity must be from 0 to {MOST_OF_ONE}")
        product = existing(self.products, request.product_id, "product_id", "product")
        items = existing(self.carts, request.cart_id, "cart_id", "cart") if request.cart_id else {}
        if request.quantity:
            self._check_sale(product, request.quantity)
            fits(product.id in items or len(items) < MOST_ITEMS, f"A cart has at most {MOST_ITEMS} products.")
            items[product.id] = request.quantity
        else:
            items.pop(product.id, None)
        cart_id = request.cart_id or f"cart_{self.environment.token()}"
        self.carts[cart_id] = items
        return self._cart(cart_id)

    @answering
    async def GetCart(self, request: Any) -> Any:
        return self._cart(request.cart_id, request.coupon_code)

    @answering
    async def PlaceOrder(self, request: Any) -> Any:
        need(request.HasField("ship_to"), "ship_to is required")
        for field in ("name", "street", "city"):
            check_text(f"ship_to.{field}", getattr(request.ship_to, field), 100)
        need(bool(COUNTRY.fullmatch(request.ship_to.country_code)), "ship_to.country_code must be two capital letters")
        need(len(request.email) <= 254 and bool(EMAIL.fullmatch(request.email)), "email must be an address")
        need(len(request.request_id) <= 64, "request_id must have at most 64 characters")
        asked = request.SerializeToString(deterministic=True)
        if request.request_id in self.placed:
            before, order = self.placed[request.request_id]
            need(before == asked, "request_id was used for another request")
            return order
        cart = self._cart(request.cart_id, request.coupon_code)
        fits(len(cart.items) > 0, "The cart is empty.")
        for item in cart.items:
            product = self.products[item.product_id]
            self._check_sale(product, item.quantity)
            fits(item.quantity <= product.stock, f"There are only {product.stock} of {product.sku}.")
        order = self._order(request, cart)
        for item in cart.items:
            self._move(self.products[item.product_id], -item.quantity, pb.STOCK_REASON_ORDER)
        if request.coupon_code:
            self.coupons[request.coupon_code].times_used += 1
        del self.carts[cart.id]
        self.orders[order.id] = order
        if request.request_id:
            self.placed[request.request_id] = (asked, pb.Order.FromString(order.SerializeToString()))
        return order

    def _order(self, request: Any, cart: Any) -> Any:
        order = pb.Order(id=f"ord_{self.environment.token()}", coupon_code=request.coupon_code, ship_to=request.ship_to)
        for item in cart.items:
            title = self.products[item.product_id].title
            order.items.add(product_id=item.product_id, sku=item.sku, title=title, quantity=item.quantity)
            order.items[-1].unit_price_cents = item.unit_price_cents
        order.subtotal_cents, order.discount_cents = cart.subtotal_cents, cart.discount_cents
        order.shipping_cents = 0 if cart.total_cents >= FREE_SHIPPING_FROM else SHIPPING
        total = cart.total_cents + order.shipping_cents
        order.total.currency_code, order.total.units, order.total.nanos = "EUR", total // 100, total % 100 * CENT
        self._enter(order, pb.ORDER_STATE_PLACED)
        return order

    def _enter(self, order: Any, state: int) -> None:
        order.state = state
        self._stamp(order.history.add(state=state).time)

    @answering
    async def GetOrder(self, request: Any) -> Any:
        return existing(self.orders, request.order_id, "order_id", "order")

    @answering
    async def AdvanceOrder(self, request: Any) -> Any:
        need(request.state in pb.OrderState.values()[1:], "state is none that there is")
        if request.state == pb.ORDER_STATE_SHIPPED:
            check_text("tracking_code", request.tracking_code, 40)
        order = existing(self.orders, request.order_id, "order_id", "order")
        fits(request.state in NEXT.get(order.state, ()), "The order can't get there from the state that it is in.")
        if request.state == pb.ORDER_STATE_SHIPPED:
            order.tracking_code = request.tracking_code
        if request.state == pb.ORDER_STATE_CANCELED:
            for item in order.items:
                self._move(self.products[item.product_id], item.quantity, pb.STOCK_REASON_CANCELLATION)
            if order.coupon_code:
                self.coupons[order.coupon_code].times_used -= 1
        self._enter(order, request.state)
        return order

    @answering
    async def ReturnItems(self, request: Any) -> Any:
        need(1 <= len(request.lines) <= MOST_ITEMS, f"lines must be 1 to {MOST_ITEMS}")
        need(len({line.sku for line in request.lines}) == len(request.lines), "lines must each have another SKU")
        need(all(line.quantity >= 1 for line in request.lines), "lines must each have a quantity of 1 at least")
        order = existing(self.orders, request.order_id, "order_id", "order")
        fits(order.state == pb.ORDER_STATE_DELIVERED, "Only orders that are delivered can be returned.")
        age = self.environment.now() - order.history[-1].time.ToMicroseconds() / 1e6
        fits(age <= RETURN_SECONDS, "The order was delivered more than 30 days ago.")
        items = {item.sku: item for item in order.items}
        for line in request.lines:
            item = existing(items, line.sku, "lines.sku", "SKU in the order")
            fits(line.quantity <= item.quantity - item.returned, "More is returned than the customer still has.")
        for line in request.lines:
            items[line.sku].returned += line.quantity
            self._move(self.skus[line.sku], line.quantity, pb.STOCK_REASON_RETURN)
        worth = sum(item.returned * item.unit_price_cents for item in order.items)
        order.refunded_cents = worth * (order.subtotal_cents - order.discount_cents) // order.subtotal_cents
        if all(item.returned == item.quantity for item in order.items):
            self._enter(order, pb.ORDER_STATE_RETURNED)
        return order
