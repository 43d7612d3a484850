"""Small lists of words that made-up values are put together from."""

from __future__ import annotations

from typing import NamedTuple


def _split(text: str, separator: str | None = None) -> tuple[str, ...]:
    return tuple(text.split(separator))


def group(text: str) -> frozenset[str]:
    """Give the set of the words in a text."""
    return frozenset(text.split())


class Place(NamedTuple):
    """A city, with what goes with it. Phone numbers are from ranges kept free for fiction."""

    city: str
    region: str
    country: str
    country_code: str
    postal_code: str
    """``#`` stands for a digit."""

    phone: str
    street: str
    """``{}`` stands for a house number."""

    timezone: str
    currency: str
    language: str
    latitude: float
    longitude: float


PLACES = (
    Place("London", "Greater London", "United Kingdom", "GB", "SW1A 1AA", "+442079460###", "{} Baker Street",
          "Europe/London", "GBP", "en", 51.5074, -0.1278),
    Place("Berlin", "Berlin", "Germany", "DE", "10117", "+493023125###", "Lindenweg {}",
          "Europe/Berlin", "EUR", "de", 52.52, 13.405),
    Place("Paris", "Ile-de-France", "France", "FR", "75004", "+3319900####", "{} rue de Rivoli",
          "Europe/Paris", "EUR", "fr", 48.8566, 2.3522),
    Place("Seattle", "Washington", "United States", "US", "98101", "+120655501##", "{} Pine Street",
          "America/Los_Angeles", "USD", "en", 47.6062, -122.3321),
    Place("New York", "New York", "United States", "US", "10011", "+121255501##", "{} Hudson Street",
          "America/New_York", "USD", "en", 40.7128, -74.006),
    Place("Sydney", "New South Wales", "Australia", "AU", "2000", "+6125550####", "{} George Street",
          "Australia/Sydney", "AUD", "en", -33.8688, 151.2093),
    Place("Toronto", "Ontario", "Canada", "CA", "M5V 2T6", "+141655501##", "{} Queen Street West",
          "America/Toronto", "CAD", "en", 43.6532, -79.3832),
    Place("Stockholm", "Stockholm", "Sweden", "SE", "111 29", "+468465004##", "Storgatan {}",
          "Europe/Stockholm", "SEK", "sv", 59.3293, 18.0686),
)  # fmt: skip

FIRST_NAMES = _split(
    "Alice Amara Anna Ben Carla Chen Clara Daniel David Elena Emma Felix Grace Hana Hugo Ines Isaac Julia Kofi Laura "
    "Leo Lina Lucas Maria Maya Mia Nina Noah Nora Omar Oscar Paula Priya Rosa Samir Sara Sofia Theo Tomas Yuki"
)
LAST_NAMES = _split(
    "Adams Bauer Becker Bennett Carter Clark Costa Diaz Evans Fischer Garcia Haddad Hansen Ito Jensen Johnson Keller "
    "Kim Larsen Lopez Martin Mensah Meyer Moreau Morris Novak Okafor Patel Petrov Reed Rossi Sato Schmidt Silva Smith "
    "Taylor Turner Walker Weber Young"
)
ADJECTIVES = _split(
    "amber autumn bold bright calm clear clever cool crisp early fresh gentle golden grand green keen light lively "
    "lucky merry modern north open plain quick quiet rapid silver simple sunny swift tidy urban warm wild"
)
NOUNS = _split(
    "anchor arrow atlas beacon bridge canyon cedar comet compass coral delta falcon field forest garden harbor "
    "hill horizon island lake lantern maple meadow meteor mill orchard paper pearl pine prairie river sail signal "
    "spring stone summit tower valley window"
)
THINGS = _split(
    "Backpack;Bicycle;Coffee Mug;Desk Lamp;Headphones;Keyboard;Notebook;Office Chair;Rain Jacket;Running Shoes;"
    "Teapot;Travel Bag;Umbrella;Wall Clock;Water Bottle;Wool Scarf",
    ";",
)
COMPANY_ENDINGS = ("Group", "Labs", "Systems", "Partners", "Works", "Foods", "Logistics", "Studio")
JOBS = _split("Accountant;Architect;Designer;Editor;Nurse;Product Manager;Software Engineer;Teacher", ";")
DEPARTMENTS = ("Engineering", "Finance", "Marketing", "Operations", "Sales", "Support")
CATEGORIES = ("books", "clothing", "electronics", "garden", "home", "music", "sports", "toys")
TAGS = ("new", "featured", "sale", "popular", "limited", "seasonal", "basic", "premium", "outdoor", "classic")
COLORS = ("black", "blue", "brown", "green", "grey", "orange", "purple", "red", "white", "yellow")
ROLES = ("admin", "editor", "member", "owner", "viewer")
SENTENCES = (
    "Made with care and ready to use.",
    "Everything arrived on time and in good order.",
    "A simple choice for every day.",
    "Checked twice, and it works as expected.",
    "Small changes that make a difference.",
    "Please see the notes for further details.",
    "Well suited to both home and office.",
    "The first of a series of three.",
)
LABELS = (
    ("env", "production"),
    ("team", "platform"),
    ("region", "eu-west-1"),
    ("tier", "backend"),
    ("owner", "operations"),
    ("release", "stable"),
)
DOMAINS = ("example.com", "example.org", "example.net")
