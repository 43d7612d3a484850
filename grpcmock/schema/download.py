"""A descriptor set behind a URL: fetched within bounds of size and time."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import TYPE_CHECKING

from grpcmock._version import __version__
from grpcmock.errors import SchemaError
from grpcmock.schema import descriptor_sets

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

MOST_BYTES = 64 << 20
"""Bytes of the largest descriptor set that is fetched."""

TIMEOUT = 20.0
"""Seconds that fetching it may take."""

_CHUNK = 1 << 16


class Download:
    """A descriptor set behind a URL. It is fetched anew each time, but for one that the server knows unchanged."""

    def __init__(self, url: str, *, timeout: float = TIMEOUT, most_bytes: int = MOST_BYTES) -> None:
        """*timeout* is in seconds. Raises :class:`SchemaError` if the URL can't be one of a file."""
        parts = urllib.parse.urlsplit(url)
        if not parts.hostname or parts.path in ("", "/"):
            raise SchemaError(
                f"{url}: this names no file. Write the URL of a descriptor set, such as https://example.com/api.binpb, "
                "or grpc://HOST:PORT for the reflection of a server."
            )
        if parts.username is not None:
            raise SchemaError(f"{parts.hostname}: a URL with a password isn't taken: fetch the file, and name that.")
        self._url = url
        self._timeout = timeout
        self._most_bytes = most_bytes
        self._etag = ""
        self._files: Sequence[FileDescriptorProto] = ()

    def read(self) -> Sequence[FileDescriptorProto]:
        """Return the files. Raises :class:`SchemaError` if they can't be had, or aren't a descriptor set."""
        headers = {"User-Agent": f"grpcmock/{__version__}", "Accept": "application/octet-stream, */*;q=0.5"}
        if self._etag:
            headers["If-None-Match"] = self._etag
        until = time.monotonic() + self._timeout
        try:
            with _OPENER.open(urllib.request.Request(self._url, headers=headers), timeout=self._timeout) as response:  # noqa: S310
                data = self._body(response, until)
                etag, kind = response.headers.get("ETag", ""), response.headers.get_content_type()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.HTTPStatus.NOT_MODIFIED and self._etag:
                return self._files
            raise SchemaError(f"{self}: {_refused(error.code, error.reason)}") from None
        except TimeoutError:
            raise self._late() from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, TimeoutError):
                raise self._late() from None
            raise SchemaError(f"{self}: the server can't be reached: {reason}.") from None
        try:
            files = descriptor_sets.parse(data, str(self), most_bytes=self._most_bytes)
        except SchemaError as error:
            said = f" The server calls it {kind}." if kind.startswith("text/") else ""
            raise SchemaError(f"{error}{said}") from None
        self._etag, self._files = etag, files
        return files

    def _body(self, response: http.client.HTTPResponse, until: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := response.read1(_CHUNK):
            size += len(part)
            if size > self._most_bytes:
                raise SchemaError(f"{self}: this is larger than {self._most_bytes >> 20} MiB: name the file itself.")
            if time.monotonic() > until:
                raise TimeoutError
            parts.append(part)
        return b"".join(parts)

    def _late(self) -> SchemaError:
        return SchemaError(f"{self}: it wasn't there within {self._timeout:g} s.")

    def __str__(self) -> str:
        return self._url


def _refused(code: int, reason: str) -> str:
    text = f"the server answers {code} {reason}".rstrip() + "."
    if code in (401, 403):
        return f"{text} It wants credentials: fetch the file with those, and name that."
    return text


def _opener() -> urllib.request.OpenerDirector:
    """Return what follows redirects to HTTP alone, and knows the proxies of the environment."""
    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        made.add_handler(handler)
    return made


_OPENER = _opener()
