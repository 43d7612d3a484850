"""A stream whose messages are arms of a oneof is tried in all orders of these."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest
from support import registry

from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz
from grpcmock.fuzz.shrinking.case_shrinking import Effort

PROTOS = registry("uploads.proto")
UPLOAD = PROTOS.method("uploads.Uploads/Upload")


def uploading(fault: str) -> Any:
    async def upload(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        seen: list[str] = []
        count = 0
        async for data in requests:
            part: Any = UPLOAD.request_class.FromString(data)
            arm = part.WhichOneof("content")
            ordered = arm is not None and (arm == "header") == (not seen) and seen[-1:] != ["done"]
            if not ordered and (fault != "goes on" or (seen[-1:], arm) != (["done"], "data")):
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a header comes first, and once")
            if not ordered:
                raise KeyError(arm)
            seen.append(arm)
            count += len(part.data)
        yield UPLOAD.response_class(bytes=count).SerializeToString()  # type: ignore[call-arg]

    return upload


@pytest.mark.parametrize(("fault", "codes"), [("", set()), ("goes on", {"G102"})])
async def test_the_arms_of_a_stream_come_in_all_orders(fault: str, codes: set[str], serving: Any) -> None:
    bounds = Bounds(phases=(Phase.BOUNDARY,), effort=Effort(seconds=1.0, tries=60))
    async with serving({UPLOAD.path: uploading(fault)}) as target:
        finished = await fuzz(
            Settings(target=target, registry=PROTOS, bounds=bounds, seed=3, exclude_checks=("G111", "G138"))
        )
    assert {failure.finding.code for failure in finished.failures} == codes
    for failure in finished.failures:
        arms = [UPLOAD.request_class.FromString(data).WhichOneof("content") for data in failure.case.calls[0].messages]
        assert arms == ["header", "done", "data"]
