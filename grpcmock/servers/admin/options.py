"""How the admin service is offered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AdminOptions:
    """How the admin service is offered, and to whom."""

    token: str | None = None
    """What callers have to present; without one, only this machine is answered."""

    hosts: tuple[str, ...] = ()
    """Names of this server, besides those of loopback and that on which it listens, that browsers may use."""

    origins: tuple[str, ...] = ()
    """The origins whose pages may call, besides the page that it serves itself."""

    apart: bool = False
    """Whether it has a listener of its own, instead of a place on the mock's port."""
