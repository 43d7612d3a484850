# mypy: disable-error-code="arg-type"
"""Long-running operations that are made up: done, with what the method's option says, and there for those who ask."""

from __future__ import annotations

from typing import Any

import pytest
from support import registry

from grpcmock.schema.codec import to_tree
from grpcmock.synthesis import Answers, Operations

LRO = registry("operations.proto")
SENT = {"instance": {"name": "instances/a", "nodes": 3}}


def begun(method: str, operations: Operations | None = None, seed: int = 0, **request: Any) -> Any:
    found = LRO.method(method)
    data = Answers(found, LRO, seed, operations).one([found.request_class(**request)])
    return found.response_class.FromString(data)


def test_an_operation_is_done_with_the_types_that_the_option_names() -> None:
    tree = to_tree(begun("Instances/CreateInstance", **SENT))
    assert tree["done"] is True
    assert tree["name"].startswith("operations/")
    assert tree["response"] == {"@type": "type.googleapis.com/lro.v1.Instance", "name": "instances/a", "nodes": 3}
    assert tree["metadata"]["@type"] == "type.googleapis.com/lro.v1.Progress"
    assert "error" not in tree


@pytest.mark.parametrize("method", ["Instances/DeleteInstance", "Instances/Bare"])
def test_without_a_type_that_is_known_the_response_is_empty(method: str) -> None:
    tree = to_tree(begun(method))
    assert tree["response"]["@type"] == "type.googleapis.com/google.protobuf.Empty"
    assert "metadata" not in tree


def test_the_same_request_begins_the_same_operation_and_another_another() -> None:
    names = [
        begun("Instances/CreateInstance", seed=seed, **request).name
        for seed, request in ((0, SENT), (0, SENT), (1, SENT), (0, {}))
    ]
    assert names[0] == names[1]
    assert len(set(names)) == 3


def test_who_asks_for_an_operation_gets_the_one_that_was_given() -> None:
    operations = Operations()
    given = begun("Instances/CreateInstance", operations, **SENT)
    for method in ("Operations/GetOperation", "Operations/WaitOperation"):
        assert begun(method, operations, name=given.name) == given
        other = begun(method, operations, name="operations/other")
        assert (other.name, other.done) == ("operations/other", True)


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grpcmock.synthesis.operations._MAX_KEPT", 2)
    operations = Operations()
    names = [begun("Instances/Bare", operations, name=str(number)).name for number in range(3)]
    asked = [LRO.method("Operations/GetOperation").request_class(name=name) for name in names]
    assert [operations.find([one]) is None for one in asked] == [True, False, False]
    assert operations.find([]) is None
