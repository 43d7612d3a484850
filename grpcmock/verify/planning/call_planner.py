"""Plans the calls that one stub needs: one for each of its answers, and for a script as many as it has ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.client.actions import HALF_CLOSE
from grpcmock.responses.plan import FinishStep
from grpcmock.responses.templates import Scope
from grpcmock.verify.expectations.answers import ExpectationBuilder, context_of
from grpcmock.verify.planning.planned_call import PlannedCall, sending
from grpcmock.verify.planning.script_planner import ScriptPlanner

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.errors import Problems
    from grpcmock.responses.context import RenderContext
    from grpcmock.responses.plan import Plan
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Answer
    from grpcmock.verify.expectations.consumer import ConsumerExpectation
    from grpcmock.verify.expectations.expected import ExpectedMessage
    from grpcmock.verify.requests.builder import RequestBuilder
    from grpcmock.verify.requests.spec import RequestSpec


class CallPlanner:
    """Plans the calls for the answers of one stub."""

    def __init__(
        self,
        stub: CompiledStub,
        spec: RequestSpec,
        requests: RequestBuilder,
        registry: Registry,
        problems: Problems,
        consumer: ConsumerExpectation | None = None,
    ) -> None:
        self._stub = stub
        self._spec = spec
        self._requests = requests
        # In a script, templates know one variable more; the stub was checked when it was compiled.
        self._expectations = ExpectationBuilder(
            Scope(stub.stub, stub.method, registry, problems, script=True), consumer
        )

    def calls(self) -> Iterator[PlannedCall]:
        """Yield the calls for all answers, in their order."""
        answers = self._stub.stub.answers
        several = len(answers) > 1
        for number, (answer, plan) in enumerate(zip(answers, self._stub.plans, strict=True)):
            if number == self._stub.stub.times:
                return
            label = f"answers[{number}]" if several else ""
            if answer.script is not None:
                script = ScriptPlanner(self._stub, self._spec, self._requests, self._expectations, label, number + 1)
                yield from script.calls(answer, plan.steps)
            else:
                yield self._call(answer, plan, label, number + 1)

    def _call(self, answer: Answer, plan: Plan, label: str, count: int) -> PlannedCall:
        spec, expectations = self._spec, self._expectations
        prefix = f"{label}." if label else ""
        context = context_of(spec.messages, spec.metadata_by_key(), self._stub.stub.row, count=count)
        trailers = expectations.metadata(answer.trailers, f"{prefix}trailers")
        status = expectations.ok(trailers)
        if answer.error is not None:
            finish = plan.steps[-1]
            assert isinstance(finish, FinishStep)
            status = expectations.error(finish, answer.error, f"{prefix}error", trailers, context)
        return PlannedCall(
            label=label,
            requests=spec.messages,
            actions=(*map(sending, spec.messages), HALF_CLOSE),
            metadata=spec.metadata,
            deadline=spec.deadline,
            without_deadline=spec.without_deadline,
            responses=tuple(self._responses(answer, prefix, context)),
            headers=(expectations.metadata(answer.headers, f"{prefix}headers"),),
            status=status,
            exact=expectations.is_exact,
        )

    def _responses(self, answer: Answer, prefix: str, context: RenderContext) -> Iterator[ExpectedMessage]:
        responses = answer.responses
        if responses is None:
            if not self._stub.method.kind.server_streams and answer.error is None:
                yield self._expectations.anything(f"{prefix}response", context)
            return
        single = len(responses) == 1
        for number, node in enumerate(responses):
            path = "response" if single else f"responses[{number}]"
            yield self._expectations.message(node, prefix + path, context, number)
