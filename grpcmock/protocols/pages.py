"""What is served by plain HTTP beside methods: pages and documents, each at a path of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.protocols.http import Body, Response

if TYPE_CHECKING:
    from grpcmock.protocols.http import RequestHead

Page = Callable[["RequestHead"], Response]
"""Answers a GET, mostly by ``Response.whole(200, content_type, body)``."""


class Pages:
    """Pages by path. They are made when somebody asks; HEAD gets what GET would, without the body."""

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}

    def add(self, path: str, page: Page) -> None:
        """Serve *page* at ``/`` or ``/openapi.json``."""
        self._pages[path] = page

    def __contains__(self, path: str) -> bool:
        return path in self._pages

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self._pages)

    def open(self, head: RequestHead) -> Response | None:
        """Return the response to a request; None if there is no page of its path."""
        page = self._pages.get(head.path)
        if page is None:
            return None
        if head.method not in ("GET", "HEAD"):
            text = f"{head.path} takes GET, HEAD, not {head.method}.\n"
            return Response.whole(405, "text/plain; charset=utf-8", text.encode(), ("allow", "GET, HEAD"))
        answer = page(head)
        if head.method == "GET":
            return answer
        return replace(answer, parts=tuple(part for part in answer.parts if not isinstance(part, Body)))
