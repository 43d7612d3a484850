"""Memory that the C library keeps is given back when it gets calm."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("grpcmock_native", reason="the native transport isn't built")

from grpcmock.servers.native import memory


@pytest.fixture
def spare() -> memory.SpareMemory:
    if memory._trim() is None:
        pytest.skip("this C library keeps nothing")
    return memory.SpareMemory()


def wait_until_looked() -> None:
    for thread in threading.enumerate():
        if thread.name == "grpcmock-memory":
            thread.join(60)


def test_what_a_burst_took_is_given_back(spare: memory.SpareMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_LOOKS", (0.0,))
    burst = [bytearray(4_000) for _ in range(20_000)]
    kept = burst[::100]  # so that nothing comes together at the top
    at_most = memory._resident()
    burst.clear()
    spare.give_back()
    wait_until_looked()
    assert memory._resident() < at_most - (60 << 20)
    assert len(kept) == 200


def test_nothing_is_done_about_little_or_once_it_is_closed(
    spare: memory.SpareMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    trimmed: list[int] = []
    monkeypatch.setattr(memory, "_trim", lambda: trimmed.append)
    resident = memory._resident()
    monkeypatch.setattr(memory, "_resident", lambda: resident + (15 << 20))
    spare.give_back()
    monkeypatch.setattr(memory, "_resident", lambda: resident + (99 << 20))
    spare.close()
    spare.give_back()
    wait_until_looked()
    assert not trimmed
