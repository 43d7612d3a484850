"""A set-up hook that is an HTTP endpoint."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

from grpcmock.concurrency.blocking import in_thread
from grpcmock.errors import ConfigError
from grpcmock.verify.hooks.protocol import SHOWN, Action, Given, HookError, Undo, UnknownGivenError, document, said

_NOT_FOUND = 404
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class UrlHook:
    """Posts JSON to an HTTP endpoint: ``{"action": "setup", "given": …, "stub": …, "method": …, "consumer": …}``.

    Any 2xx status says that all went well, 404 that the state isn't known, any other one that it failed.
    """

    url: str
    timeout: float = 30.0

    @classmethod
    def parse(cls, text: str, timeout: float = 30.0) -> UrlHook:
        """Raises :class:`ConfigError` if this isn't a URL of HTTP."""
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{text!r} is not the URL of a set-up hook. Write http://HOST:PORT/PATH.")
        return cls(text, timeout)

    async def set_up(self, given: Given) -> Undo:
        await self._post("setup", given)

        async def undo() -> None:
            await self._post("teardown", given)

        return undo

    async def _post(self, action: Action, given: Given) -> None:
        try:
            async with asyncio.timeout(self.timeout):
                status, text = await in_thread(lambda: self._send(action, given))
        except (TimeoutError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise HookError(f"the set-up hook at {self.url} took longer than {self.timeout:g} s.") from None
            reason = getattr(error, "reason", error)
            raise HookError(f"the set-up hook at {self.url} can't be reached: {reason}.") from None
        if status == _NOT_FOUND:
            if action == "setup":
                raise UnknownGivenError(given, f" ({self.url} answered 404)")
        elif not 200 <= status < 300:
            raise HookError(
                f"the set-up hook at {self.url} ({action} {given.words!r}) answered {status}{said(text[:SHOWN])}"
            )

    def _send(self, action: Action, given: Given) -> tuple[int, str]:
        body = json.dumps(document(action, given)).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})  # noqa: S310 - its scheme was checked
        # What runs on this machine is not reached by way of a proxy.
        local = urlsplit(self.url).hostname in _LOOPBACK
        opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))
        try:
            with opener.open(request, timeout=self.timeout) as response:
                return response.status, ""
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(SHOWN).decode(errors="replace").strip()
