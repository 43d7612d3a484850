# mypy: disable-error-code="attr-defined"
"""What failed in one run is tried first in the next."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support import registry

from grpcmock.errors import ConfigError
from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.model.events import CaseFinished
from grpcmock.fuzz.model.example_database import open_database
from grpcmock.fuzz.run.loop import Bounds

GET = registry("user.proto").message("user.GetUserRequest")


async def test_failures_are_kept_and_tried_first(fuzzed: Any, tmp_path: Path) -> None:
    async def negative(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for data in requests:
            if GET.FromString(data).id < -5:
                raise KeyError(data)
        yield b""

    async def run(seed: int) -> list[CaseFinished]:
        events: list[Any] = []
        bounds = Bounds(phases=(Phase.RANDOM,), max_cases=40, in_flight=1)
        given = {"include": ["GetUser"], "seed": seed, "database": str(tmp_path / "kept"), "bounds": bounds}
        await fuzzed({"GetUser": negative}, events=events, **given)
        return [event for event in events if isinstance(event, CaseFinished)]

    first = await run(7)
    assert not any("saved" in event.case.id for event in first)
    again = await run(8)
    assert "saved-0" in again[0].case.id
    assert [finding.code for finding in again[0].findings] == ["G102"]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("", "--database is empty"),
        ("github:nobody", "names no repository"),
        (__file__, "is a file"),
        ("redis://127.0.0.1:1", r"there is no Redis|pip install 'grpcmock\[redis\]'"),
    ],
)
def test_a_database_that_cannot_be(where: str, said: str) -> None:
    with pytest.raises(Exception, match=said) as caught:
        open_database(where)
    assert isinstance(caught.value, ConfigError) or "redis" in where
