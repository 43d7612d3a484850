"""The log of calls: a sequence to look at, to narrow down, and to make assertions about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, overload

from grpcmock.engine.dropped import Dropped, refusal
from grpcmock.engine.expectation import Expectation
from grpcmock.mock.call import Call, Frame, Metadata, Req, Resp, public_class
from grpcmock.mock.filters import Filter, fields_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.errors import DroppedCallsError
    from grpcmock.schema import Method, Registry

__all__ = ["Call", "CallLog", "Frame", "HasCalls", "Metadata", "public_class"]

_SHOWN = 20
"""Calls that a failure lists."""


class HasCalls(Protocol):
    """What has a log of calls: the mock of a method, the handle of a stub."""

    @property
    def calls(self) -> CallLog[Any, Any]: ...


class CallLog(Sequence[Call[Req, Resp]], Generic[Req, Resp]):
    """Calls in the order in which they began. It doesn't change: ask the mock again for what has come since.

    Calls that are under way are in it, too; :attr:`ended` and :attr:`under_way` tell them apart.
    """

    def __init__(
        self,
        calls: Iterable[Call[Req, Resp]],
        registry: Registry,
        methods: Sequence[Method] = (),
        *,
        title: str = "",
        dropped: Dropped | None = None,
    ) -> None:
        """*methods* are those that the log is about, all of the registry if there are none; *title* names them.

        *dropped* is what is known of the calls that are gone, since a journal is bounded.
        """
        self._calls = tuple(sorted(calls, key=_id))
        self._registry = registry
        self._methods = tuple(methods)
        self._title = title or ", ".join(map(str, methods))
        self._dropped = dropped if dropped is not None else Dropped()
        self._unsure = 0
        """Calls that may or may not belong here: their requests were not kept whole."""
        self._source: CallLog[Req, Resp] | None = None
        self._filter: Filter | None = None

    @classmethod
    def of(cls, records: Iterable[CallRecord], registry: Registry, method: Method | None = None) -> CallLog[Any, Any]:
        """Make a log of what a journal holds, of one method or of all."""
        wanted = (record for record in records if method is None or record.path == method.path)
        return CallLog(map(Call, wanted), registry, (method,) if method else ())

    # The sequence ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many calls there are. Raises :class:`DroppedCallsError` if that isn't known; :attr:`kept` always is."""
        __tracebackhide__ = True
        if self.lost:
            raise refusal(f"so many calls {self._which}", f"{count(self.kept, 'call')} of them", self.lost)
        return len(self._calls)

    def __bool__(self) -> bool:
        """Whether there is any call. Raises :class:`DroppedCallsError` if that isn't known."""
        __tracebackhide__ = True
        return bool(self._calls) or bool(len(self))

    def __iter__(self) -> Iterator[Call[Req, Resp]]:
        return iter(self._calls)

    @property
    def kept(self) -> int:
        """How many of the calls there still are. A journal is bounded, and drops the oldest."""
        return len(self._calls)

    @property
    def lost(self) -> int:
        """How many calls besides may belong here: they are gone from the journal, or their requests are."""
        dropped, methods = self._dropped, self._methods
        return self._unsure + (sum(dropped.count(one.path) for one in methods) if methods else dropped.count())

    @overload
    def __getitem__(self, index: int) -> Call[Req, Resp]: ...
    @overload
    def __getitem__(self, index: slice) -> CallLog[Req, Resp]: ...
    def __getitem__(self, index: int | slice) -> Call[Req, Resp] | CallLog[Req, Resp]:
        __tracebackhide__ = True
        if isinstance(index, slice):
            return self._narrowed(self._calls[index])
        try:
            return self._calls[index]
        except IndexError:
            raise IndexError(f"There is no call [{index}] {self._of()}.{self._listing()}") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CallLog) and self._calls == other._calls

    def __hash__(self) -> int:
        return hash(self._calls)

    def __repr__(self) -> str:
        return f"<CallLog {self._of() or 'of all methods'}: {count(self.kept, 'call')}>"

    def __str__(self) -> str:
        return "\n".join(self.lines()) or "(no calls)"

    def lines(self, most: int | None = None) -> list[str]:
        """Show the calls, one in a line and numbered; at most *most* of them, the last ones."""
        shown = list(enumerate(self._calls, 1))
        left_out = 0 if most is None else max(len(shown) - most, 0)
        lines = [f"{number}. {call}" for number, call in shown[left_out:]]
        if left_out:
            lines.insert(0, f"… {count(left_out, 'earlier call')}")
        return lines

    # Looking --------------------------------------------------------------------------------------

    @property
    def ended(self) -> CallLog[Req, Resp]:
        """Those of the calls that have ended."""
        return self._narrowed([call for call in self._calls if not call.under_way])

    @property
    def under_way(self) -> CallLog[Req, Resp]:
        """Those of the calls that have not ended yet."""
        # What was dropped had ended.
        return self._narrowed([call for call in self._calls if call.under_way], dropped=Dropped())

    @property
    def begun(self) -> CallLog[Req, Resp]:
        """Those of the calls whose first request came, or that ended without one; of a client stream, all."""
        return self._narrowed([call for call in self._calls if call.begun])

    @property
    def statuses(self) -> list[str | None]:
        """The status names of the calls: ``["UNAVAILABLE", "OK"]``; None of one that is under way."""
        return [call.status for call in self._calls]

    @property
    def requests(self) -> list[Req]:
        """The request messages of all calls, one after the other."""
        return [message for call in self._calls for message in call.requests]

    @property
    def responses(self) -> list[Resp]:
        """The response messages of all calls, one after the other."""
        return [message for call in self._calls for message in call.responses]

    @property
    def last(self) -> Call[Req, Resp]:
        """The call that began last. Raises ``AssertionError`` if there is none."""
        __tracebackhide__ = True
        if not self._calls:
            raise self._failed("a call", self.lost)
        return self._calls[-1]

    def one(self) -> Call[Req, Resp]:
        """Give the one call. Raises ``AssertionError`` if there is none, or more than one."""
        __tracebackhide__ = True
        self.assert_called(1)
        return self._calls[0]

    def of_method(self, method: str) -> CallLog[Any, Any]:
        """Narrow down to the calls of one method. Raises :class:`UnknownMethodError` if there is no such method."""
        __tracebackhide__ = True
        found = self._registry.method(method)
        calls = [call for call in self._calls if call.method == found.full_name]
        return CallLog(calls, self._registry, (found,), dropped=self._dropped)

    def where(
        self,
        given: Message | Mapping[str, Any] | Callable[[Call[Req, Resp]], object] | None = None,
        /,
        *,
        metadata: Mapping[str, Any] | None = None,
        status: Any = None,
        where: Callable[[Req], object] | None = None,
        **fields: Any,
    ) -> CallLog[Req, Resp]:
        """Narrow down to the calls that hold all that is given.

        *fields* are patterns for fields of the request, operators included, of a stream of them: of the first; the same
        can be *given* as a mapping, or as a message of which the fields that are set count. *given* may also be a
        function of the :class:`Call`. *metadata* is a pattern for the client's metadata, *status* the name or number of
        the status code, or a ``grpc.StatusCode``; *where* a function of the request message. Raises
        :class:`StubError` for a field that there isn't, or a value that doesn't fit it.
        """
        __tracebackhide__ = True
        of_call = given if callable(given) else None
        tree = {**fields_of(None if callable(given) else given), **fields}
        chosen = Filter(self._registry, self._methods, tree, metadata or {}, status, where, of_call)
        fit = [call for call in self._calls if chosen.holds(call)]
        unsure = sum(call.record.requests_dropped > 0 for call in set(self._calls) - set(fit))
        return self._narrowed(fit, chosen, unsure=unsure if chosen.reads_requests else 0)

    def _narrowed(
        self,
        calls: Iterable[Call[Req, Resp]],
        chosen: Filter | None = None,
        *,
        dropped: Dropped | None = None,
        unsure: int = 0,
    ) -> CallLog[Req, Resp]:
        dropped = dropped if dropped is not None else self._dropped
        log = CallLog(calls, self._registry, self._methods, title=self._title, dropped=dropped)
        log._unsure = self._unsure + unsure
        log._source, log._filter = (self, chosen) if chosen is not None else (self._source, self._filter)
        return log

    # Assertions -----------------------------------------------------------------------------------

    def assert_called(
        self, times: int | None = None, *, at_least: int | None = None, at_most: int | None = None
    ) -> None:
        """Assert how many calls there are: at least one if nothing is said.

        Raises :class:`DroppedCallsError` where calls that are gone from the journal could change the verdict.
        """
        __tracebackhide__ = True
        if times is None and at_least is None and at_most is None:
            at_least = 1
        least = [number for number in (times, at_least) if number is not None]
        most = [number for number in (times, at_most) if number is not None]
        verdict = Expectation(max(least, default=0), min(most, default=None)).verdict(self.kept, self.lost)
        if not verdict:
            raise self._failed(_wanted(times, at_least, at_most), self.lost if verdict is None else 0)

    def assert_order(self, *expected: HasCalls | CallLog[Any, Any] | str, only: bool = False) -> None:
        """Assert that calls began in this order; others may have come in between, unless *only* forbids them.

        Each of *expected* is the mock of a method, the name of one, or a log, such as ``get_user.calls.where(id=1)``:
        it stands for one call. Raises :class:`DroppedCallsError` where calls that are gone could be among them.
        """
        __tracebackhide__ = True
        logs = [self._resolved(one) for one in expected]
        lost = self.lost if only else sum({log.description: log.lost for log in logs}.values())
        if only and lost:
            raise self._failed("these calls and no other", lost)
        at = 0
        met: list[int] = []
        for log in logs:
            ids = {call.id for call in log}
            position = next((p for p in range(at, len(self._calls)) if self._calls[p].id in ids), None)
            if position is None and lost:
                raise self._failed(f"{log.description} in this order", lost)
            if position is None:
                raise AssertionError(self._out_of_order(logs, met, "it did not come after these"))
            if only and position != at:
                raise AssertionError(self._out_of_order(logs, met, "another call came first"))
            met.append(position)
            at = position + 1
        if only and at < len(self._calls):
            raise AssertionError(self._out_of_order(logs, met, "another call came after these"))

    def _resolved(self, one: HasCalls | CallLog[Any, Any] | str) -> CallLog[Any, Any]:
        if isinstance(one, str):
            return self.of_method(one)
        return one if isinstance(one, CallLog) else one.calls

    def _out_of_order(self, logs: Sequence[CallLog[Any, Any]], met: Sequence[int], why: str) -> str:
        lines = ["The calls did not come in the order that was expected:"]
        for number, log in enumerate(logs):
            state = f"call {met[number] + 1}" if number < len(met) else why if number == len(met) else ""
            lines.append(f"  {number + 1}. {log.description}{f': {state}' if state else ''}")
        if len(met) == len(logs):
            lines[0] = f"The calls came in the order that was expected, but {why}:"
        return "\n".join(lines) + self._listing()

    def missing(self, times: int, *, started: bool) -> str:
        """Say that fewer calls than *times* have ended; or, where *started* ones count, that fewer have begun.

        Raises :class:`DroppedCallsError` if calls that are gone could make up for it.
        """
        __tracebackhide__ = True
        ended, begun = self.ended.kept, self.begun.kept
        if Expectation(times).verdict(begun if started else ended, self.lost) is None:
            raise self._failed(_wanted(None, times, None), self.lost)
        if started or begun == ended:
            return self._expected(_wanted(None, times, None), _there_are(begun))
        there = f"{ended or 'none'} {'has' if ended < 2 else 'have'} ended"
        begun -= ended
        text = self._expected(
            _wanted(None, times, None), f"{there}, and {begun} {'is' if begun == 1 else 'are'} under way"
        )
        return f"{text}\nTo wait for calls to begin, write started=True."

    # The text of failures -------------------------------------------------------------------------

    @property
    def description(self) -> str:
        """What the log is about, in words: the method, and what narrowed it down."""
        wanted = f" with {self._filter}" if self._filter is not None else ""
        return (self._title or "any method") + wanted

    @property
    def _which(self) -> str:
        return " ".join(filter(None, (self._of(), f"with {self._filter}" if self._filter else "")))

    def _failed(self, wanted: str, lost: int) -> AssertionError | DroppedCallsError:
        """Say that something else was expected, or that it can't be told since so many calls were *lost*."""
        there = _there_are(self.kept)
        if lost:
            return refusal(f"{wanted} {self._which}".rstrip(), there, lost)
        return AssertionError(self._expected(wanted, there))

    def _of(self) -> str:
        return f"of {self._title}" if self._title else ""

    def _expected(self, wanted: str, there: str) -> str:
        """Say what was expected and what there is instead, with the calls, and why those were not counted."""
        text = f"Expected {wanted} {self._which}".rstrip() + f", but {there}."
        if self._source is None or self._filter is None:
            return text + self._listing()
        lines = []
        own = set(self._calls)
        shown = list(enumerate(self._source, 1))[-_SHOWN:]
        for number, call in shown:
            lines.append(f"  {number}. {call}")
            if call not in own:
                lines += [f"       {line}" for line in self._filter.refused(call)]
        heading = f"\nThe {count(self._source.kept, 'call')} {self._of()}".rstrip() if shown else ""
        return text + (f"{heading}:\n" + "\n".join(lines) if shown else "") + self._gone()

    def _listing(self) -> str:
        if not self._calls:
            return self._gone()
        return "\nThe calls:\n" + "\n".join(f"  {line}" for line in self.lines(_SHOWN)) + self._gone()

    def _gone(self) -> str:
        if not self.lost:
            return ""
        return f"\n{count(self.lost, 'earlier call')} fell out of the journal, which is bounded."


def _id(call: Call[Any, Any]) -> int:
    return call.id


def count(number: int, noun: str) -> str:
    """Give a number with its noun: ``1 call``, ``2 calls``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _there_are(number: int) -> str:
    return "there is none" if not number else "there is 1" if number == 1 else f"there are {number}"


def _wanted(times: int | None, at_least: int | None, at_most: int | None) -> str:
    if times is not None:
        return "no call" if times == 0 else f"exactly {count(times, 'call')}"
    bounds = [
        *([f"at least {at_least}"] if at_least is not None else []),
        *([f"at most {at_most}"] if at_most is not None else []),
    ]
    last = at_most if at_most is not None else at_least
    return " and ".join(bounds) + (" call" if last == 1 else " calls")
