"""The fault profiles that are set in an engine: which calls each strikes, how often it has, and when it ends."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from grpcmock.errors import ConfigError, Problems, UnknownMethodError, did_you_mean
from grpcmock.responses.fault_profiles import FaultProfile, parse_profile
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.engine.environment import CallEnvironment
    from grpcmock.schema import Method, Registry


class UnknownFaultError(ConfigError):
    """There is no fault profile of this name, or no longer."""


class ActiveFault:
    """A fault profile that is set. Times are in seconds since the epoch, of the clock that the mock tells."""

    def __init__(
        self,
        name: str,
        session: str,
        given: Mapping[str, Any],
        profile: FaultProfile,
        methods: Sequence[re.Pattern[str]],
        seed: int,
        now: float,
    ) -> None:
        self.name = name
        self.session = session
        """The session whose calls it strikes; empty for those of all."""
        self.methods = methods
        """What the full names of its methods are like; all methods if there are none."""
        self.given = given
        """The profile as it was given."""
        self.profile = profile
        self.expires = None if profile.ttl is None else now + profile.ttl
        """When it ends; None if it doesn't by itself."""
        self.struck = 0
        """How often it struck."""
        self.random = Random(f"{seed if profile.seed is None else profile.seed}/fault/{name}")
        self._calls = 0
        self._began = now
        self._window = 0
        self._within = 0

    def fits(self, method: Method) -> bool:
        """Whether it may strike calls to *method*."""
        return not self.methods or any(pattern.fullmatch(method.full_name) for pattern in self.methods)

    def strikes(self, now: float) -> bool:
        """Decide over the next call, and count it. Each call to its methods takes one draw, whatever else is said."""
        profile = self.profile
        self._calls += 1
        drawn = profile.probability >= 1 or self.random.random() < profile.probability
        is_due = profile.after < self._calls and (profile.first is None or self._calls <= profile.first)
        if not (drawn and is_due and self._has_quota(now)):
            return False
        self._within += 1
        self.struck += 1
        return True

    def _has_quota(self, now: float) -> bool:
        quota = self.profile.quota
        if quota is None:
            return True
        if quota.window is not None and (window := int((now - self._began) // quota.window)) != self._window:
            self._window, self._within = window, 0
        return self._within < quota.count

    @property
    def is_spent(self) -> bool:
        """Whether no call can be struck any more."""
        profile, quota = self.profile, self.profile.quota
        is_over = profile.first is not None and self._calls >= profile.first
        return is_over or (quota is not None and quota.window is None and self.struck >= quota.count)

    def has_expired(self, now: float) -> bool:
        return self.expires is not None and now >= self.expires


class Faults:
    """The fault profiles of one engine. Touched with its lock held."""

    def __init__(self, environment: CallEnvironment) -> None:
        self._environment = environment
        self._set: dict[tuple[str, str], ActiveFault] = {}
        self._by_path: dict[str, list[ActiveFault]] = {}
        """The profiles that may strike calls to a path. Empty while none is set: then no call looks further."""

    def __iter__(self) -> Iterator[ActiveFault]:
        """Yield those that are set, in the order in which they were, after those are gone whose time is over."""
        self._expire()
        return iter(list(self._set.values()))

    def get(self, name: str, session: str = "") -> ActiveFault:
        """Return the profile of this name. Raises :class:`UnknownFaultError`, with the nearest one."""
        self._expire()
        if (found := self._set.get((session, name))) is None:
            names = [known for of, known in self._set if of == session]
            hint = did_you_mean(name, names, known="The fault profiles")
            raise UnknownFaultError(f"There is no fault profile {name!r}{_of(session)}. {hint}".rstrip())
        return found

    def set(self, name: str, given: Mapping[str, Any], session: str = "") -> ActiveFault:
        """Add a profile, or put it in the place of the one of this name; it begins to count anew.

        *given* has the keys of :data:`grpcmock.responses.fault_profiles.KEYS`. Raises :class:`StubError` with all that
        is wrong: also with what this server's transport can't put on the wire.
        """
        environment, problems = self._environment, Problems()
        profile = parse_profile(Node.of(given), environment.registry, problems, environment.options.faults)
        if not name:
            problems.error("a fault profile has a name.", path="name", rule="fault")
        written = profile.methods if profile is not None else ()
        methods = [_pattern(one, environment.registry, problems) for one in written]
        problems.raise_errors()
        assert profile is not None
        fault = ActiveFault(name, session, given, profile, methods, environment.options.seed, environment.clock())
        replaced = self._set.pop((session, name), None)
        self._set[session, name] = fault
        self.spread()
        was = "set" if replaced is None else "set anew"
        environment.note("info", f"The fault profile {name!r}{_of(session)} was {was}.")
        return fault

    def remove(self, name: str, session: str = "") -> None:
        """Remove a profile. Raises :class:`UnknownFaultError`, with the nearest name."""
        fault = self.get(name, session)
        self._end(fault, "was removed")

    def clear(self, session: str | None = None) -> None:
        """Remove all profiles, or those of one session."""
        for fault in list(self):
            if session is None or fault.session == session:
                self.remove(fault.name, fault.session)

    def forget(self, sessions: Collection[str]) -> None:
        """Remove the profiles of sessions that have ended."""
        for fault in list(self):
            if fault.session and fault.session in sessions:
                self._end(fault, "has ended with its session")

    def restore(self, faults: Sequence[ActiveFault]) -> None:
        """Have these profiles, which were set before, and no others."""
        self._set = {(fault.session, fault.name): fault for fault in faults}
        self.spread()

    def spread(self) -> None:
        """Find out anew which methods the profiles may strike, and have all calls to these come by the engine."""
        active = [fault for fault in self._set.values() if not fault.is_spent]
        tables = self._environment.store.tables if active else {}
        fitting = {path: [one for one in active if one.fits(table.method)] for path, table in tables.items()}
        self._by_path = {path: found for path, found in fitting.items() if found}
        self._environment.store.hold(self._by_path)

    def striking(self, path: str, session: str = "") -> list[ActiveFault]:
        """Decide which profiles strike a call that begins now. After one that ends it at once no other is asked."""
        if not self._by_path or path not in self._by_path:
            return []
        self._expire()
        now = self._environment.clock()
        struck: list[ActiveFault] = []
        for fault in self._by_path.get(path, ()):
            if fault.session in ("", session) and fault.strikes(now):
                struck.append(fault)
                if fault.profile.ends_at_once:
                    break
        if any(fault.is_spent for fault in self._by_path.get(path, ())):
            self.spread()
        return struck

    def _expire(self) -> None:
        now = self._environment.clock()
        for fault in [fault for fault in self._set.values() if fault.has_expired(now)]:
            self._end(fault, "has ended by itself")

    def _end(self, fault: ActiveFault, how: str) -> None:
        del self._set[fault.session, fault.name]
        self.spread()
        times = "once" if fault.struck == 1 else f"{fault.struck:,} times"
        whose = f"{fault.name!r}{_of(fault.session)}"
        self._environment.note("info", f"The fault profile {whose} {how}. It struck {times}.")


def _pattern(written: str, registry: Registry, problems: Problems) -> re.Pattern[str]:
    """Return what full names of methods have to be like to fit a pattern. It is noted if none is."""
    name = written.removeprefix("/")
    if "*" not in name:
        try:
            name = registry.method(name).full_name
        except UnknownMethodError as error:
            problems.error(str(error), path="methods", rule="unknown-method")
        return re.compile(re.escape(name))
    # As in stubs, the package may be left out, or a part of it; without a slash or a dot it is the name of a method.
    before = "" if name.startswith("*") else r"(?:.*\.)?" if "/" in name or "." in name else r".*/"
    pattern = re.compile(before + ".*".join(map(re.escape, name.split("*"))))
    if registry.methods and not any(pattern.fullmatch(method.full_name) for method in registry.methods.values()):
        hint = did_you_mean(name.partition("/")[0], registry.services, known="The services")
        problems.error(f"no method fits {written!r}.", path="methods", hint=hint, rule="unknown-method")
    return pattern


def _of(session: str) -> str:
    return f" of the session {session!r}" if session else ""
