"""The mock of one method: what it is asked, what it answers, and the calls that came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, cast

from google.protobuf.message import Message

from grpcmock.errors import Problem, StubError
from grpcmock.mock import protojson
from grpcmock.mock.answer_builders import Reply, answer, check_type, failure, replies, reply
from grpcmock.mock.call_site import caller
from grpcmock.mock.drafts import Draft, is_whole_answer
from grpcmock.mock.functions import Handler, Predicate, Q
from grpcmock.mock.handle import StubHandle
from grpcmock.mock.modifiers import Modifiers
from grpcmock.mock.pusher import Pusher
from grpcmock.mock.pushes import Pushes
from grpcmock.mock.speech import Speech
from grpcmock.mock.waiting import Waits

if TYPE_CHECKING:
    from grpcmock.errors import Location
    from grpcmock.mock.calls import CallLog
    from grpcmock.mock.declared_stubs import DeclaredStubs
    from grpcmock.schema import Method

R = TypeVar("R", bound=Message)
F = TypeVar("F", bound=Callable[..., Any])
H = TypeVar("H", bound=StubHandle[Any])

_MATCHING = frozenset(("request", "requests", "metadata", "deadline", "when", "given", "verify"))


class MethodMock(Modifiers, Waits, Generic[Q, R]):
    """A method of a mock, perhaps narrowed down by conditions. Immutable: ``when`` and its like give another.

    The words that answer (``returns``, ``streams``, ``fails``, ``answers``, ``sequence``, ``script``) declare a stub at
    once, and give its handle.
    """

    def __init__(
        self,
        stubs: DeclaredStubs,
        method: Method,
        keys: Mapping[str, Any] | None = None,
        where: Callable[[Any], object] | None = None,
        *,
        optional: bool = False,
        location: Location | None = None,
    ) -> None:
        """*location* is where something was said of the method that needs an answer."""
        self._stubs = stubs
        self._call_store = stubs.calls
        self._method = method
        self._keys = dict(keys or {})
        self._where = where
        self._is_optional = optional
        self._draft: Draft | None = None
        self._fault: StubHandle[Q] | None = None
        """A stub that is there until there is another answer: a fault that needs none."""
        if location is not None:
            self._begin(location)

    def _begin(self, location: Location) -> None:
        __tracebackhide__ = True
        if is_whole_answer(self._keys.get("fault")):
            keys = {"method": self._method.full_name, **self._keys}
            self._fault = self._stubs.declare(keys, location, where=self._where, optional=self._is_optional)
        elif not self._is_optional:
            self._draft = self._stubs.draft(Draft(self._method, location))

    def _settle(self) -> None:
        """Something comes of this: an answer, or the same with more conditions."""
        if self._draft is not None:
            self._stubs.settle(self._draft)
        if self._fault is not None:
            self._fault.remove()
            self._fault = None

    @property
    def method(self) -> str:
        """The method as stubs write it: ``user.UserService/GetUser``."""
        return self._method.full_name

    # Conditions -----------------------------------------------------------------------------------

    def when(
        self,
        message: Q | Mapping[str, Any] | None = None,
        /,
        *,
        metadata: Mapping[str, Any] | None = None,
        where: Callable[[Any], object] | None = None,
        **fields: Any,
    ) -> Self:
        """Narrow down to calls whose request holds; where the client streams, its first message.

        *fields* are patterns for fields of the request; *message* is the same as a mapping, for names that are taken
        here, or as a message, of which the fields that are set count (for all of them write ``eq(message)``).
        *metadata* is a pattern for the client's metadata, by key; *where* is a function of the request message. What
        was said by an earlier ``when`` holds, too. Raises :class:`StubError` for a field that there isn't, or a value
        that doesn't fit it.
        """
        __tracebackhide__ = True
        location = caller()
        check_type([message], self._method.input.full_name, "request", location)
        request = {**self._keys.get("request", {}), **(protojson.tree(message) if message is not None else {})}
        request |= protojson.tree(fields)
        keys: dict[str, Any] = {"request": request} if request or message is not None else {}
        if metadata is not None:
            keys["metadata"] = {**self._keys.get("metadata", {}), **protojson.metadata(metadata)}
        return self._under(keys, _both(self._where, where), location)

    def matching(self, **keys: Any) -> Self:
        """Narrow down by the rarer keys of the stub format: ``requests``, ``deadline``, ``when`` (CEL), ``given``."""
        __tracebackhide__ = True
        location = caller()
        for key in keys:
            if key not in _MATCHING:
                text = f"matching() takes no {key!r}, but {', '.join(sorted(_MATCHING))}."
                raise StubError([Problem(text, location, key, rule="unknown-key")])
        return self._under(keys, self._where, location)

    def _under(self, keys: Mapping[str, Any], where: Callable[[Any], object] | None, location: Location) -> Self:
        __tracebackhide__ = True
        keys = {**self._keys, **keys}
        self._call_store.conditions(self._method, _matching(keys), where, location)  # raises what is wrong
        return self._more(keys, where, location, optional=self._is_optional)

    def optional(self) -> Self:
        """Say that the stub may well go unused."""
        __tracebackhide__ = True
        return self._more(self._keys, self._where, caller(), optional=True)

    def _with(self, **keys: Any) -> Self:
        __tracebackhide__ = True
        return self._more({**self._keys, **keys}, self._where, caller(), optional=self._is_optional)

    def _more(
        self,
        keys: Mapping[str, Any],
        where: Callable[[Any], object] | None,
        location: Location,
        *,
        optional: bool,
    ) -> Self:
        __tracebackhide__ = True
        self._settle()
        return type(self)(self._stubs, self._method, keys, where, optional=optional, location=location)

    # Answers --------------------------------------------------------------------------------------

    def returns(self, message: R | Mapping[str, Any] | None = None, /, **fields: Any) -> StubHandle[Q]:
        """Answer with one message, given whole, or by its fields; without either, an empty one.

        Strings that hold ``{{ … }}`` are templates, as in stub files; those in a message are not.
        """
        __tracebackhide__ = True
        return self._answered(reply(message, **fields))

    def streams(self, *messages: R | Mapping[str, Any], interval: Any = None) -> StubHandle[Q]:
        """Answer with a stream of messages, *interval* apart: seconds, a ``timedelta``, or as in stub files.

        Say ``.fails(…)`` of the handle to break the stream after them.
        """
        __tracebackhide__ = True
        return self._answered(replies(*messages, interval=interval))

    def fails(
        self,
        code: Any,
        message: str = "",
        *,
        details: Iterable[Message | Mapping[str, Any]] = (),
        trailers: Mapping[str, Any] | None = None,
    ) -> StubHandle[Q]:
        """Answer with a status: the name or number of its code, or a ``grpc.StatusCode``.

        *details* are messages, sent as ``google.rpc.Status``; *trailers* are metadata.
        """
        __tracebackhide__ = True
        details = list(details)
        self._stubs.know(details)
        return self._answered(failure(code, message, details=details, trailers=trailers))

    def answers(self, handler: F, /) -> F:
        """Let a function answer; it gets the :class:`HandlerCall`. Fit to be a decorator.

        It may be a function or an async one, which return a message (or its fields as a mapping); where the server
        streams, a generator or an async one, which yield them. Plain functions run in a thread of their own.
        ``call.fail(…)`` ends the call with a status; any other exception with INTERNAL, and fails the verification.
        """
        __tracebackhide__ = True
        location = caller()
        if not callable(given := cast("object", handler)):
            text = f"answers() takes a function of the call, not {given!r:.80}."
            raise StubError([Problem(text, location, "handler", hint="To answer with a value, write returns(…).")])
        if Handler(handler).yields and not self._method.kind.server_streams:
            text = (
                f"{self._method} is {self._method.kind.value}: it answers with one message, and can't be a generator."
            )
            raise StubError([Problem(text, location, "handler", hint="Return the message.", rule="answer-kind")])
        self._declare({}, location, handler)
        return handler

    def pushes(self) -> Pushes[Q, R]:
        """Let the test answer while calls are under way: ``send``, ``finish``, ``fails`` of what this gives.

        For methods of every kind: a unary call waits for the one message that is sent.
        """
        __tracebackhide__ = True
        return self._declare({}, caller(), Pusher(Speech(self._call_store, self._method)), Pushes)

    def sequence(self, *answers: Any, then: Literal["last", "cycle", "miss"] = "last") -> StubHandle[Q]:
        """Answer with each in turn: messages or their fields, lists of them for streams, ``reply``, ``failure``, ….

        After the last comes the *last* again, the first (*cycle*), or the stub steps aside (*miss*).
        """
        __tracebackhide__ = True
        location = caller()
        given = [answer(one) for one in answers]
        for number, one in enumerate(given):
            check_type(one.messages, self._method.output.full_name, f"answers[{number}]", location)
        return self._declare({"answers": [dict(one.keys) for one in given], "then": then}, location)

    def script(self, *steps: Any) -> StubHandle[Q]:
        """Answer by the steps of a script, as in stub files: ``{"expect": {…}}, {"send": {…}}, "half_close"``.

        They may also be given as one list.
        """
        __tracebackhide__ = True
        listed = steps[0] if len(steps) == 1 and isinstance(steps[0], (list, tuple)) else steps
        return self._declare({"script": list(listed)}, caller())

    def _answered(self, given: Reply) -> StubHandle[Q]:
        __tracebackhide__ = True
        location = caller()
        check_type(given.messages, self._method.output.full_name, "response", location)
        return self._declare(dict(given.keys), location)

    def _declare(
        self,
        keys: Mapping[str, Any],
        location: Location,
        handler: Callable[..., Any] | None = None,
        kind: type[H] = StubHandle,  # type: ignore[assignment]  # the default is what H is bound to
    ) -> H:
        __tracebackhide__ = True
        self._settle()
        keys = {"method": self._method.full_name, **self._keys, **keys}
        return self._stubs.declare(
            keys, location, where=self._where, handler=handler, optional=self._is_optional, kind=kind
        )

    # Calls ----------------------------------------------------------------------------------------

    @property
    def calls(self) -> CallLog[Q, R]:
        """The calls of this method that fit the conditions, whatever answered them."""
        if self._draft is not None:
            self._stubs.settle(self._draft)
        log = self._call_store.log(self._method)
        keys = _matching(self._keys)
        rest = {key: value for key, value in keys.items() if key in ("requests", "deadline", "when")}
        where = self._where
        if "request" in keys or "metadata" in keys:
            log = log.where(keys.get("request"), metadata=keys.get("metadata"))
        if rest or where is not None:
            log = log.where(self._call_store.holds(self._method, rest, where))
        return log

    def __repr__(self) -> str:
        return f"<MethodMock {self._method}>"


def _matching(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if key in _MATCHING}


def _both(
    first: Callable[[Any], object] | None, second: Callable[[Any], object] | None
) -> Callable[[Any], object] | None:
    """Join two conditions into one."""
    if first is None or second is None:
        return second if first is None else first
    one, other = Predicate(first), Predicate(second)

    def both(request: Any) -> bool:
        return bool(one.function(request)) and bool(other.function(request))

    both.__qualname__ = f"{one} and {other}"
    return both
