"""Which calls of the journal are meant: what is cheap to tell is asked first, messages are read for the rest alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from grpcmock.engine.given_answers import CompactCall
from grpcmock.errors import Problems, did_you_mean
from grpcmock.servers.admin import counting
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.servers.admin.text_search import TextSearch
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.engine import Engine
    from grpcmock.matching.conditions import Conditions


class CallFilter:
    """What a request asks for that lists or watches calls.

    Raises :class:`GrpcmockError` for names that nothing has, and for a pattern that fits no method.
    """

    def __init__(self, request: Any, engine: Engine) -> None:
        self._journal = engine.journal
        self._registry = engine.registry
        calls = self._journal.unread() if request.method or request.stub else ()
        self._takes_path = _paths(request.method, engine, calls)
        self._stub = _known_stub(request.stub, engine, calls)
        self._code = request.code if request.HasField("code") else None
        self._misses = request.misses
        self._session = request.session
        self._is_choosy = bool(request.method or self._stub or self._code is not None or self._misses or self._session)
        """Whether some calls aren't meant whatever was said in them."""
        self.takes_all = not (self._is_choosy or request.text or request.request)
        """Whether every call is meant."""
        self._text = TextSearch(request.text) if request.text else None
        self._pattern = request.request
        self._conditions: dict[str, Conditions | None] = {}
        """By path, what the pattern comes to there; None where it can't fit."""
        self._found: dict[tuple[str, int], bool] = {}
        """What was asked of messages that many calls have in common, by the question and the identity of what they
        have in common."""
        self._common: list[object] = []
        """Those, so that nothing else gets their identity meanwhile."""
        if self._pattern:
            self._compile([path for path in self._registry.methods if self._takes_path(path)])

    def may_be_among(self, calls: Sequence[CallRecord | CompactCall]) -> bool:
        """Whether one of some calls may be meant. A no is certain, and costs less than to ask of each of them."""
        return self._text is None or self._text.may_be_among(
            filter(self._looks_meant, calls) if self._is_choosy else calls
        )

    def holds(self, call: CallRecord | CompactCall) -> bool:
        """Whether a call is meant, read or not."""
        if self.takes_all:
            return True
        if not self._looks_meant(call):
            return False
        if not self._pattern and self._text is None:
            return True
        return (not self._pattern or self._asked(self._fits, call)) and (
            self._text is None or self._text.in_words(call) or self._asked(self._text.in_what_was_said, call)
        )

    def _looks_meant(self, call: CallRecord | CompactCall) -> bool:
        """Whether a call is meant as far as what was said in it doesn't matter."""
        return (
            self._takes_path(call.path)
            and not (self._misses and call.miss is None)
            and not (self._session and call.session != self._session)
            and not (self._stub and (call.stub is None or call.stub.name != self._stub))
            and (self._code is None or (call.code is not None and call.code.value == self._code))
        )

    def _asked(self, question: Callable[[CallRecord], bool], call: CallRecord | CompactCall) -> bool:
        """Answer a question about what was said in a call: once for all calls that have it in common."""
        if not isinstance(call, CompactCall):
            return question(call)
        key = question.__name__, id(call.given)
        if key not in self._found:
            self._found[key] = question(self._journal.read(call))
            self._common.append(call.given)
        return self._found[key]

    # Patterns ---------------------------------------------------------------------------------------

    def _compile(self, paths: Sequence[str]) -> None:
        """Compile the pattern for methods. Raises :class:`StubError` if it fits none of them."""
        first: Problems | None = None
        for path in paths:
            problems = Problems()
            method = self._registry.methods[path]
            self._conditions[path] = counting.read_request(self._pattern, method, self._registry, problems)
            first = first or problems
        if first is not None and not any(self._conditions.values()):
            first.raise_errors()

    def _fits(self, call: CallRecord) -> bool:
        conditions = self._conditions.get(call.path)
        if conditions is None or call.method is None:
            return False
        context = counting.context_of(call, call.method)
        return context is not None and conditions.holds(context)


def _paths(name: str, engine: Engine, calls: Sequence[CallRecord | CompactCall]) -> Callable[[str], bool]:
    """Return what says whether a path is meant. What isn't declared may have been called, too."""
    if not name:
        return lambda _: True
    if "*" in name:
        pattern = re.compile("/(.*[.])?" + ".*".join(map(re.escape, name.removeprefix("/").split("*"))))
        return lambda path: pattern.fullmatch(path) is not None
    wanted = f"/{name.removeprefix('/')}"
    if all(call.path != wanted for call in calls):
        wanted = engine.registry.method(name).path
    return lambda path: path == wanted


def _known_stub(name: str, engine: Engine, calls: Sequence[CallRecord | CompactCall]) -> str:
    """Return the name of a stub. Raises :class:`RefusedError` if there is none, and no call that one has answered."""
    if not name or any(call.stub is not None and call.stub.name == name for call in calls):
        return name
    stubs = (engine.store, *engine.sessions)
    known = {entry.name for some in stubs for entry in (*some, *some.disabled)}
    if name not in known:
        raise RefusedError(Code.NOT_FOUND, f"There is no stub {name!r}. {did_you_mean(name, known)}".rstrip())
    return name
