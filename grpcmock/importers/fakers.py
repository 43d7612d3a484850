"""Made-up values and layouts of time, as other tools call them, in the words of Faker and of ``strftime``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _of(name: str) -> Callable[..., str]:
    return lambda *_: f"fake.{name}()"


FAKERS: Mapping[str, Callable[..., str]] = {
    **{f"faker.Person.{key}": _of(name) for key, name in (
        ("Name", "name"), ("FirstName", "first_name"), ("LastName", "last_name"), ("NamePrefix", "prefix"),
        ("NameSuffix", "suffix"), ("MiddleName", "first_name"), ("SSN", "ssn"),
    )},
    **{f"faker.Contact.{key}": _of(name) for key, name in (
        ("Email", "email"), ("Phone", "phone_number"), ("PhoneFormatted", "phone_number"), ("Username", "user_name"),
        ("URL", "url"),
    )},
    **{f"faker.Geo.{key}": _of(name) for key, name in (
        ("Country", "country"), ("CountryAbr", "country_code"), ("City", "city"), ("State", "state"),
        ("Street", "street_address"), ("StreetName", "street_name"), ("Zip", "postcode"), ("TimeZone", "timezone"),
        ("Address", "address"),
    )},
    "faker.Geo.Latitude": lambda *_: "random.float(-90, 90)",
    "faker.Geo.Longitude": lambda *_: "random.float(-180, 180)",
    **{f"faker.Network.{key}": _of(name) for key, name in (
        ("IPv4", "ipv4"), ("IPv6", "ipv6"), ("IPv4Address", "ipv4"), ("IPv6Address", "ipv6"),
        ("Domain", "domain_name"), ("DomainName", "domain_name"), ("UserAgent", "user_agent"),
        ("MacAddress", "mac_address"), ("HTTPMethod", "http_method"),
    )},
    "faker.Network.HTTPStatusCode": lambda *_: "random.choice([200, 201, 204, 400, 401, 403, 404, 500, 503])",
    **{f"faker.Company.{key}": _of(name) for key, name in (
        ("Company", "company"), ("CompanySuffix", "company_suffix"), ("JobTitle", "job"), ("BuzzWord", "bs"),
        ("Slogan", "catch_phrase"),
    )},
    **{f"faker.Commerce.{key}": _of(name) for key, name in (
        ("ProductName", "catch_phrase"), ("CurrencyShort", "currency_code"), ("Currency", "currency_name"),
        ("CurrencyLong", "currency_name"), ("CreditCardNumber", "credit_card_number"),
    )},
    "faker.Commerce.Price": lambda low="1", high="1000": f"random.float({low}, {high}) | round(2)",
    **{f"faker.Text.{key}": _of(name) for key, name in (
        ("Word", "word"), ("Sentence", "sentence"), ("Paragraph", "paragraph"), ("Phrase", "sentence"),
        ("Question", "sentence"), ("Quote", "sentence"), ("LoremIpsumSentence", "sentence"),
    )},
    "faker.DateTime.Date": lambda *_: "now(days=-random.int(0, 3650))",
    "faker.DateTime.PastDate": lambda *_: "now(hours=-random.int(1, 240))",
    "faker.DateTime.FutureDate": lambda *_: "now(hours=random.int(1, 240))",
    "faker.Identity.UUID": lambda *_: "uuid()",
    "faker.Number.IntRange": lambda low, high: f"random.int({low}, {high})",
    "faker.Number.Int": lambda *_: "random.int(0, 2147483647)",
    "faker.Number.Bool": lambda *_: "random.bool()",
}  # fmt: skip
"""Each function of GripMock's ``faker`` that has a counterpart, by its name."""

_LAYOUTS = (
    ("2006", "%Y"),
    ("January", "%B"),
    ("Jan", "%b"),
    ("Monday", "%A"),
    ("Mon", "%a"),
    ("01", "%m"),
    ("02", "%d"),
    ("15", "%H"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("PM", "%p"),
    (".000000", ".%f"),
    ("MST", "%Z"),
    ("Z07:00", "Z"),
)


def layout(text: str) -> str:
    """Write a layout of Go's ``time.Format`` for ``strftime``."""
    for of_go, of_python in _LAYOUTS:
        text = text.replace(of_go, of_python)
    return text
