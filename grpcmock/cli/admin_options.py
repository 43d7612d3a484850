"""The options of the admin service, and what they come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from grpcmock.errors import ConfigError

if TYPE_CHECKING:
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.admin.options import AdminOptions

_F = TypeVar("_F", bound=Callable[..., Any])

_ON = frozenset(("", "1", "true", "yes", "on"))
_OFF = frozenset(("0", "false", "no", "off"))


@dataclass(frozen=True, slots=True)
class AdminGiven:
    """What the options of the admin service say."""

    options: AdminOptions | None
    """None if it isn't offered."""

    address: Address | None
    """Where it has a listener of its own."""


def admin_options(function: _F) -> _F:
    """Add the options of the admin service; the function gets them as ``admin``, a :class:`AdminGiven`."""

    @wraps(function)
    def run(
        *args: Any,
        admin: str | None,
        admin_token: str | None,
        admin_host: tuple[str, ...],
        admin_cors: tuple[str, ...],
        **rest: Any,
    ) -> Any:
        return function(*args, admin=_given(admin, admin_token, admin_host, admin_cors), **rest)

    options = (
        click.option(
            "--admin",
            is_flag=False,
            flag_value="",
            metavar="[HOST:PORT]",
            help="Offer the admin service grpcmock.admin.v1: where calls are taken, or on an address of its own, "
            "by REST, Connect and gRPC-Web.",
        ),
        click.option("--admin-token", metavar="TOKEN", help="Demand this token of the admin service's callers."),
        click.option(
            "--admin-host",
            multiple=True,
            metavar="NAME",
            help="A name by which browsers may reach the admin service; repeatable.  [default: localhost]",
        ),
        click.option(
            "--admin-cors",
            multiple=True,
            metavar="ORIGIN",
            help="Let pages of this origin use the admin service; repeatable.  [default: none]",
        ),
    )
    for option in reversed(options):
        run = option(run)
    return run  # type: ignore[return-value]


def _given(admin: str | None, token: str | None, hosts: tuple[str, ...], origins: tuple[str, ...]) -> AdminGiven:
    from grpcmock.protocols.cors import parse_origins
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.admin.options import AdminOptions

    if admin is not None and admin.lower() in _OFF:
        admin = None
    if admin is None and token is None:
        for option, given in (("--admin-host", hosts), ("--admin-cors", origins)):
            if given:
                raise ConfigError(f"{option} is for the admin service, which --admin offers.")
        return AdminGiven(None, None)
    address = None
    if admin is not None and admin.lower() not in _ON:
        if ":" not in admin:
            raise ConfigError(
                f"--admin {admin!r}: this is no HOST:PORT. Without an address, --admin goes behind the files."
            )
        address = Address.parse(admin, "--admin")
    allowed = parse_origins(origins, "--admin-cors") or ()
    return AdminGiven(AdminOptions(token, hosts, allowed, address is not None), address)
