"""Programs on streams of requests that are answered once: single messages, two of them, and doubtful ones behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram, spoiled
from grpcmock.fuzz.resources.laws import tallies
from grpcmock.fuzz.resources.laws.summaries import ids_of, is_twin, tally_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_DOUBTFUL = 3


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that answers a stream with a summary."""
    accepted = plan.acceptance.first.get(method.path)
    has_tally = tally_of(method) is not None or tallies.tally_of(method) is not None
    if accepted is None or accepted.later or (not has_tally and not ids_of(method)):
        return
    own = replace(accepted, full=b"", values={})
    program = MethodProgram(method, plan, "summed-up")
    program.add(own)
    twin = next((one for one in plan.methods if is_twin(one, method)), None)
    if twin is not None:
        program.add(replace(own, method=twin))
    program.add(own)
    alone = replace(own, needs=())
    unnamed = _without_names(own.message, own)
    if has_tally:
        program.add(replace(alone, data=bytes_of(unnamed)))
    program.add(replace(own, later=(bytes_of(unnamed),)))
    if tallies.tally_of(method) is not None:
        program.add(replace(own, later=(bytes_of(unnamed), bytes_of(unnamed))))
        program.add(replace(alone, data=bytes_of(unnamed), later=(bytes_of(unnamed),)))
    for message in islice(spoiled(accepted), _DOUBTFUL):
        program.add(replace(own, data=bytes_of(message)))
        program.add(replace(own, later=(bytes_of(_without_names(message, own)),)))
    yield program.case("a summary accounts for each message of a stream")


def _without_names(message: Message, own: AcceptedRequest) -> Message:
    """Return a message without what names other things: in a stream, the first one names it for all."""
    for path in own.references | {need.target for need in own.needs}:
        message.ClearField(str(path[0]))
    return message
