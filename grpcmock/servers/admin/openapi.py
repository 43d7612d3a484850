"""The OpenAPI document of the admin service, as a page beside it."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from grpcmock._version import __version__
from grpcmock.protocols.http import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grpcmock.protocols.http import RequestHead
    from grpcmock.protocols.pages import Page
    from grpcmock.schema import Registry


def openapi_page(service: Registry, text_bodies: Mapping[str, str]) -> Page:
    """Return a page with the document; it is made when somebody asks for it first."""

    @cache
    def made() -> bytes:
        from grpcmock.openapi.document import Described, document

        described = Described("The admin service of grpcmock", __version__, ["/"], text_bodies, has_token=True)
        return json.dumps(document(service, described).tree, ensure_ascii=False).encode()

    def page(_: RequestHead) -> Response:
        return Response.whole(200, "application/json", made())

    return page
