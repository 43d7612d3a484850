"""A client for tests that were exported: calls with messages by field, and the checks of ``grpcmock fuzz`` on them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from google.protobuf.message import Message

from grpcmock.client.actions import HALF_CLOSE, Action, Cancel, HalfClose, Headers, Pause, Receive, Send
from grpcmock.client.target import Target
from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.model.cases import Call, Caller, Case, Expect, Phase
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.reproducers.python_values import message_of
from grpcmock.fuzz.run.session import Settings, prepared
from grpcmock.status import Code
from grpcmock.testing.answer import Answer

if TYPE_CHECKING:
    from grpcmock.client.target import Tls
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.run.loop import Run
    from grpcmock.schema import Method
    from grpcmock.status import Metadata

Step = Mapping[str, Any] | bytes | Message | Action
"""A message by its fields, by its bytes, or as it is; or something else that a client does."""

_TURNED_AWAY = frozenset({Code.UNAUTHENTICATED, Code.UNAVAILABLE, Code.ALREADY_EXISTS})
"""With these a call doesn't get to what a check looks at: without credentials, or where its thing is there from before.
"""

_ACTIONS = (Cancel, HalfClose, Headers, Pause, Receive, Send)


class Client:
    """Calls a server, and remembers what came of it. It is a context manager; each test has one of its own."""

    def __init__(
        self,
        target: str,
        *,
        protos: Sequence[str | Path] = (),
        imports: Sequence[str | Path] = (),
        exclude: Sequence[str] = (),
        metadata: Metadata = (),
        second_identity: Metadata = (),
        tls: Tls | None = None,
        authority: str | None = None,
        **terms: Any,
    ) -> None:
        """Call the server at *target*: ``HOST:PORT``, ``unix:PATH``, or a URL.

        Without *protos*, its reflection is asked. *metadata* is sent with every call; *second_identity* in its place by
        those that somebody else makes. *terms* are what checks go by, such as ``max_latency``.
        Raises what :func:`grpcmock.schema.sources.load` does.
        """
        from grpcmock.schema import sources

        server = Target.parse(target, tls=tls, authority=authority, metadata=metadata)
        registry = sources.load(protos, imports=sources.Imports(imports, exclude)) if protos else None
        for name in ("stubs", "links"):
            terms[name] = tuple(map(Path, terms.get(name, ())))
        if "allowed" in terms:
            terms["allowed"] = {pattern: frozenset(codes) for pattern, codes in terms["allowed"].items()}
        self._settings = Settings(target=server, registry=registry, second_identity=second_identity, **terms)
        self._stack = AsyncExitStack()
        self._results: list[CaseResult] = []
        self._repeated = False

    def __enter__(self) -> Self:
        """Connect. Raises :class:`TargetError` if the server is out of reach, and what its reflection can't say."""
        self._runner = asyncio.Runner()
        try:
            self._run: Run = self._runner.run(self._stack.enter_async_context(prepared(self._settings)))
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._runner.run(self._stack.aclose())
        finally:
            self._runner.close()

    def call(
        self,
        method: str,
        *steps: Step,
        metadata: Metadata = (),
        deadline: float | None = None,
        caller: Literal["own", "nobody", "garbled", "other"] = "own",
        compression: Literal["", "gzip", "deflate"] = "",
        unread: float = 0.0,
        at_once: int = 1,
    ) -> Answer:
        """Make a call: send the messages among *steps* in turn, then half-close, unless the last step is another end.

        *unread* so many seconds, no response is read. With *at_once*, it is made so many times: once alone, then all
        the others together but the last, which is alone again; the answer is that of the first.

        Raises :class:`UnknownMethodError`, and ``ValueError`` for what is no message of the method.
        """
        registry = self._run.registry
        path = f"/{method.removeprefix('/')}"
        found = registry.methods.get(path)
        if found is None and not all(isinstance(step, (bytes, *_ACTIONS)) for step in steps):
            found = registry.method(method)
            path = found.path
        call = Call(
            path=path,
            method=found,
            actions=self._actions(steps, found),
            metadata=metadata,
            deadline=deadline,
            caller=Caller(caller),
            compression=compression,
            unread=unread,
        )
        case = self._case((call,), found, repeat=at_once, concurrent=at_once > 1)
        result = self._runner.run(self._run.observe(case))
        self._results.append(result)
        self._repeated = at_once > 1
        return Answer(result.replies[0])

    def check(
        self,
        name: str,
        *,
        rounds: int = 1,
        about: str = "",
        expect: str = "any",
        path: str = "",
        rule: str = "",
        setup: int = 0,
        cleanup: int = 0,
    ) -> None:
        """Assert that one of the checks of ``grpcmock fuzz`` finds nothing wrong with all the calls so far, of which
        not all were turned away.

        *rounds* says that they are the same so many times. They are *about* the method of the last one, unless that is
        said. What is to be *expected* of it, for which *rule* at which *path*, and how many calls are but *setup* and
        *cleanup*, some checks must be told.
        """
        check = find_check(name)
        replies = tuple(reply for result in self._results for reply in result.replies)
        assert replies, "There is nothing to check before a call."
        count = 1 if self._repeated else max(len(replies) // rounds, 1)
        calls = tuple(reply.call for reply in replies[:count])
        of_last = calls[len(calls) - cleanup - 1].method
        case = self._case(
            calls,
            self._run.registry.method(about) if about else of_last,
            repeat=len(replies) // count,
            concurrent=self._repeated,
            expect=Expect(expect),
            path=path,
            rule=rule,
            setup=setup,
            cleanup=cleanup,
            targets=frozenset({check.name}),
        )
        last = self._results[-1]
        result = replace(last, replies=replies, mock_answer=last.mock_answer if len(self._results) == 1 else None)
        suite = CheckSuite((check,), self._run.expectations)
        wrong = [finding for finding in suite.evaluate(case, result) if not finding.is_warning]
        if not wrong and all(reply.code in _TURNED_AWAY and reply.call.caller is Caller.OWN for reply in replies):
            what = f"{replies[-1].call.path[1:]} ended with {said(replies[-1])}"
            raise AssertionError(f"{check.code} {check.name} can't be seen, for no call got through: {what}")
        told = "; ".join(f"expected {finding.expected}; actual {finding.actual}" for finding in wrong)
        assert not wrong, f"{check.code} {check.name}: {told}"

    def _case(self, calls: tuple[Call, ...], method: Method | None, **more: Any) -> Case:
        about = method or next(iter(self._run.registry.methods.values()))
        return Case(id="test", phase=Phase.STATEFUL, method=about, calls=calls, why="a test", **more)

    def _actions(self, steps: Sequence[Step], method: Method | None) -> tuple[Action, ...]:
        actions = [step if isinstance(step, _ACTIONS) else Send(self._data(step, method)) for step in steps]
        is_ended = bool(actions) and isinstance(actions[-1], (Cancel, HalfClose, Pause))
        return (*actions,) if is_ended else (*actions, HALF_CLOSE)

    def _data(self, message: Mapping[str, Any] | bytes | Message, method: Method | None) -> bytes:
        if isinstance(message, bytes):
            return message
        if isinstance(message, Message):
            return message.SerializePartialToString(deterministic=True)
        assert method is not None
        made = message_of(message, method.request_class, self._run.registry)
        return made.SerializePartialToString(deterministic=True)
