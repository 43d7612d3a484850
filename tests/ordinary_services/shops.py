"""Two shops, from the article to its return."""

from __future__ import annotations

import re
from itertools import count
from typing import Any

from grpcmock.status import Code
from ordinary_services.handling import made, need


class Orders:
    """Each step asks for the one before it: a cart with something in it, an order that is paid, one that has come."""

    def __init__(self) -> None:
        self.articles: dict[str, Any] = {}
        self.carts: dict[str, Any] = {}
        self.orders: dict[str, Any] = {}
        self.ids = count(1)

    def add_article(self, request: Any) -> Any:
        need(re.fullmatch("[A-Z]{3}-[0-9]{4}", request.sku), "sku must be 3 capital letters, a dash and 4 digits")
        need(request.title.strip(), "title is required")
        need(1 <= request.price_cents <= 1_000_000, "price_cents must be from 1 to 1000000")
        need(0 <= request.stock <= 10_000, "stock must be from 0 to 10000")
        need(request.sku not in self.articles, "there is an article of this sku", Code.ALREADY_EXISTS)
        fields = {name: getattr(request, name) for name in ("sku", "title", "price_cents", "stock")}
        self.articles[request.sku] = made("Article", **fields)
        return self.articles[request.sku]

    def start_cart(self, request: Any) -> Any:
        need(not request.email or "@" in request.email, "email must be an address")
        key = f"cart_{next(self.ids):06}"
        self.carts[key] = made("Cart", cart_id=key, email=request.email)
        return self.carts[key]

    def _cart(self, key: str) -> Any:
        need(key in self.carts, f"there is no cart {key}", Code.NOT_FOUND)
        return self.carts[key]

    def put_into_cart(self, request: Any) -> Any:
        need(1 <= request.quantity <= 50, "quantity must be from 1 to 50")
        cart = self._cart(request.cart_id)
        need(request.sku in self.articles, f"there is no article {request.sku}", Code.NOT_FOUND)
        left = self.articles[request.sku].stock
        need(request.quantity <= left, f"only {left} are left", Code.FAILED_PRECONDITION)
        cart.lines.add(sku=request.sku, quantity=request.quantity)
        return cart

    def check_out(self, request: Any) -> Any:
        need(request.city.strip(), "city is required")
        need(re.fullmatch("[0-9]{5}", request.postal_code), "postal_code must have 5 digits")
        cart = self._cart(request.cart_id)
        need(cart.lines, "the cart is empty", Code.FAILED_PRECONDITION)
        total = sum(self.articles[line.sku].price_cents * line.quantity for line in cart.lines)
        key = f"O{next(self.ids):06}"
        self.orders[key] = made("Order", number=key, state="new", lines=cart.lines, total_cents=total)
        del self.carts[request.cart_id]
        return self.orders[key]

    def _order(self, key: str, *states: str) -> Any:
        need(key in self.orders, f"there is no order {key}", Code.NOT_FOUND)
        order = self.orders[key]
        need(order.state in states, f"the order is {order.state}", Code.FAILED_PRECONDITION)
        return order

    def pay_order(self, request: Any) -> Any:
        order = self._order(request.order_number, "new")
        need(request.amount_cents == order.total_cents, f"amount_cents must be {order.total_cents}")
        order.state = "paid"
        return order

    def ship_order(self, request: Any) -> Any:
        need(len(request.tracking_code) >= 4, "tracking_code must have at least 4 characters")
        order = self._order(request.order_number, "paid")
        order.state = "shipped"
        return order

    def receive_order(self, request: Any) -> Any:
        order = self._order(request.number, "shipped")
        order.state = "received"
        return order

    def send_back(self, request: Any) -> Any:
        need(request.lines, "lines: say what is sent back")
        order = self._order(request.order_number, "received")
        skus = {line.sku for line in order.lines}
        for index, line in enumerate(request.lines):
            need(line.quantity > 0, f"lines[{index}].quantity must be positive")
            need(line.sku in skus, f"lines[{index}].sku isn't in the order")
        return made("SentBack", id=f"B{next(self.ids)}", order_number=order.number)

    def cancel_order(self, request: Any) -> Any:
        order = self._order(request.number, "new", "paid")
        order.state = "cancelled"
        return order

    def reopen_order(self, request: Any) -> Any:
        order = self._order(request.number, "cancelled")
        order.state = "new"
        return order


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
        need(1 <= len(request.title) <= 60, "title must have 1 to 60 characters")
        key = f"ais_{next(self.ids):04}"
        self.aisles[key] = made("Aisle", aisle_id=key, title=request.title)
        return self.aisles[key]

    def _sum(self, what: str, given: Any) -> None:
        need(given.currency == "EUR", f"{what}.currency must be EUR")
        need(0 < given.units <= 100_000, f"{what}.units must be from 1 to 100000")

    def create_good(self, request: Any) -> Any:
        good = request.good
        need(request.HasField("good"), "good is required")
        need(re.fullmatch("[A-Z0-9]{3,12}", good.sku), "good.sku: 3 to 12 capital letters and digits")
        need(good.title.strip(), "good.title is required")
        self._sum("good.price", good.price)
        need(0 <= good.stock <= 1_000, "good.stock must be from 0 to 1000")
        need(good.aisle_id in self.aisles, f"there is no aisle {good.aisle_id}", Code.NOT_FOUND)
        need(good.sku not in self.goods, "there is such a sku", Code.ALREADY_EXISTS)
        good.archived = False
        self.goods[good.sku] = good
        return good

    def _good(self, sku: str) -> Any:
        need(sku in self.goods, f"there is no good {sku}", Code.NOT_FOUND)
        return self.goods[sku]

    def archive_good(self, request: Any) -> Any:
        good = self._good(request.sku)
        good.archived = True
        return good

    def restore_good(self, request: Any) -> Any:
        good = self._good(request.sku)
        need(good.archived, f"{request.sku} isn't archived", Code.FAILED_PRECONDITION)
        good.archived = False
        return good

    def create_coupon(self, request: Any) -> Any:
        coupon = request.coupon
        need(re.fullmatch("[A-Z0-9]{4,16}", coupon.code), "code must have 4 to 16 capital letters and digits")
        need(coupon.WhichOneof("off"), "either percent or amount must be set")
        if coupon.WhichOneof("off") == "percent":
            need(1 <= coupon.percent <= 90, "percent must be from 1 to 90")
        else:
            self._sum("amount", coupon.amount)
        need(coupon.code not in self.coupons, "there is such a coupon", Code.ALREADY_EXISTS)
        self.coupons[coupon.code] = coupon
        return coupon

    def start_basket(self, request: Any) -> Any:
        need(re.fullmatch("[^@ ]+@[^@ ]+[.][a-z]+", request.customer_email), "customer_email must be an address")
        key = f"bsk_{next(self.ids):04}"
        self.baskets[key] = made("Basket", id=key, customer_email=request.customer_email)
        return self.baskets[key]

    def _basket(self, key: str) -> Any:
        need(key in self.baskets, f"there is no basket {key}", Code.NOT_FOUND)
        return self.baskets[key]

    def change_basket(self, request: Any) -> Any:
        need(0 <= request.quantity <= 99, "quantity must be from 0 to 99")
        basket, good = self._basket(request.basket_id), self._good(request.sku)
        need(not good.archived, f"{request.sku} is archived", Code.FAILED_PRECONDITION)
        need(request.quantity <= good.stock, f"there are {good.stock} left", Code.FAILED_PRECONDITION)
        if request.quantity:
            basket.items.add(sku=request.sku, quantity=request.quantity)
            basket.total.currency = "EUR"
            basket.total.units += good.price.units * request.quantity
        return basket

    def apply_coupon(self, request: Any) -> Any:
        basket = self._basket(request.basket_id)
        need(request.code in self.coupons, f"there is no coupon {request.code}", Code.NOT_FOUND)
        need(basket.items, "an empty basket takes no coupon", Code.FAILED_PRECONDITION)
        basket.coupon_code = request.code
        return basket

    def place_order(self, request: Any) -> Any:
        need(request.HasField("destination"), "destination is required")
        need(request.destination.name.strip(), "destination.name is required")
        need(request.destination.street.strip(), "destination.street is required")
        need(
            re.fullmatch("[A-Z]{2}", request.destination.country_code), "destination.country_code: two capital letters"
        )
        basket = self._basket(request.basket_id)
        need(basket.items, "the basket is empty", Code.FAILED_PRECONDITION)
        key = f"pur_{next(self.ids):04}"
        self.purchases[key] = made("Purchase", id=key, state="PLACED", items=basket.items, total=basket.total)
        del self.baskets[request.basket_id]
        return self.purchases[key]

    def _purchase(self, key: str, state: int, text: str) -> Any:
        need(key in self.purchases, f"there is no purchase {key}", Code.NOT_FOUND)
        need(self.purchases[key].state == state, text, Code.FAILED_PRECONDITION)
        return self.purchases[key]

    def pay_purchase(self, request: Any) -> Any:
        purchase = self._purchase(request.purchase_id, 1, "the purchase is paid already")
        due = purchase.total
        need(request.amount == due, f"amount must be the total, {due.units} {due.currency}", Code.FAILED_PRECONDITION)
        purchase.state = 2
        return made("PaymentSlip", id=f"pay_{next(self.ids)}", purchase_id=purchase.id)

    def ship_purchase(self, request: Any) -> Any:
        purchase = self._purchase(request.id, 2, "the purchase isn't paid")
        purchase.state = 3
        return purchase

    def request_return(self, request: Any) -> Any:
        need(request.quantity > 0, "quantity must be positive")
        need(request.reason.strip(), "reason is required")
        purchase = self._purchase(request.purchase_id, 3, "the purchase isn't shipped")
        bought = sum(item.quantity for item in purchase.items if item.sku == request.sku)
        need(bought, f"{request.sku} isn't in the purchase")
        need(request.quantity <= bought, f"only {bought} were bought", Code.FAILED_PRECONDITION)
        return made("GoodsReturn", id=f"ret_{next(self.ids)}", purchase_id=purchase.id)
