"""The page at the admin address: its files as they stand, with what a browser must not let them do."""

from __future__ import annotations

from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING

from grpcmock.protocols.http import Response

if TYPE_CHECKING:
    from grpcmock.protocols.http import RequestHead
    from grpcmock.protocols.pages import Pages

_FOLDER = "page"
_INDEX = "index.html"

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing is loaded from elsewhere, nothing that stands within the page is run, and no other page can frame it."""

_SAFETY = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    # The files change with the version of the server, which may be another the next time.
    ("cache-control", "no-cache"),
)


def add_page(pages: Pages) -> None:
    """Serve the page at ``/``, and what it is made of below ``/page/``."""
    for name in _names():
        pages.add("/" if name == _INDEX else f"/{_FOLDER}/{name}", partial(_file, name))


def _file(name: str, _: RequestHead) -> Response:
    return Response.whole(200, _TYPES[name.rpartition(".")[2]], _content(name), *_SAFETY)


@cache
def _names() -> tuple[str, ...]:
    found = (file.name for file in files(__package__).joinpath(_FOLDER).iterdir())
    return tuple(sorted(name for name in found if name.rpartition(".")[2] in _TYPES))


@cache
def _content(name: str) -> bytes:
    return files(__package__).joinpath(_FOLDER, name).read_bytes()
