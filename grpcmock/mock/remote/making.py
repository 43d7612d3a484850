"""From what a test says of a mock server elsewhere to the way there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from grpcmock.client.target import Target, Tls
from grpcmock.engine.sessions import check_name
from grpcmock.errors import ConfigError
from grpcmock.mock.remote.link import Link
from grpcmock.mock.remote.running import RemoteRunning

if TYPE_CHECKING:
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub

ELSEWHERE = (
    "listen", "http", "cors", "admin", "seed", "auto", "validate", "unmatched_code", "tls_key", "tls_client_ca",
    "interceptors", "max_message_size", "journal_calls", "journal_bytes", "transport", "otel",
)  # fmt: skip
"""Arguments of :class:`grpcmock.MockServer` that say how a server is made: one that runs already is made otherwise."""


def remote(
    target: str,
    *,
    session: str | None,
    admin_token: str | None,
    ca: Path | None,
    registry: Registry | None,
    stubs: Sequence[Stub],
) -> RemoteRunning:
    """Give a session of the mock server at *target*; nothing is asked of it yet.

    The session has a name of its own unless it is given one; an empty one stands for what is common to all. *ca* is a
    file of authorities to trust. Raises :class:`ConfigError` for an address or a name that is none.
    """
    if session is None:
        session = f"python-{uuid4().hex[:12]}"
    elif session:
        check_name(session)
    tls = Tls(ca=ca) if ca is not None else None
    token = (("authorization", f"Bearer {admin_token}"),) if admin_token is not None else ()
    link = Link(Target.parse(target, tls=tls, metadata=token), session)
    return RemoteRunning(Target.parse(target, tls=tls), link, registry, stubs)


def refuse_settings(make: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Raise :class:`ConfigError` for an argument of *make* that a server elsewhere can't be given any more."""
    __tracebackhide__ = True
    parameters = signature(make).parameters
    wrong = [name for name in ELSEWHERE if given[name] != parameters[name].default]
    if wrong:
        raise ConfigError(
            f"{', '.join(wrong)}: a mock server that runs already (target={given['target']!r}) is set up where it is "
            "started, by the options of `grpcmock serve`."
        )
