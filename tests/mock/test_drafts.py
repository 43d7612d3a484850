"""What is said of a method without an answer is told; a fault that is one is a stub."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from grpcmock import MockServer, VerificationError

GET = "mockuser.UserService/GetUser"


@pytest.mark.parametrize(
    "said",
    [
        lambda get: get.when(id=1),
        lambda get: get.when(id=1).when(metadata={"x-a": "b"}),
        lambda get: get.matching(deadline={"$lt": 2}),
        lambda get: get.times(2),
        lambda get: get.fault(abort="UNAVAILABLE", rate=0.5),
        lambda get: get.fault(drip="1ms"),
        lambda get: get.delay(1).named("late"),
    ],
)
def test_what_has_no_answer_is_told_with_its_line(mock: MockServer, servicer: Any, said: Any) -> None:
    said(mock.on(servicer.GetUser))
    with pytest.raises(VerificationError) as caught:
        mock.verify()
    lines = str(caught.value).splitlines()
    assert lines[0] == "This was given no answer, and so is no stub:"
    (line,) = lines[1:-1]
    place, method = line.split()
    assert (method, place.startswith("tests/mock/test_drafts.py:")) == (GET, True)
    mock.verify(unused="none")


@pytest.mark.parametrize(
    "said",
    [
        lambda get: get,
        lambda get: get.when(id=1).optional(),
        lambda get: get.optional().when(id=1),
        lambda get: get.when(id=1).assert_not_called(),
        lambda get: get.when(id=1).calls,
        lambda get: get.when(id=1).times(2).optional().returns(),
        lambda get: get.when(id=1).optional().pushes(),
        lambda get: get.when(id=1).optional().answers(dict),
    ],
)
def test_what_is_answered_or_looked_at_or_optional_is_not(mock: MockServer, servicer: Any, said: Any) -> None:
    said(mock.on(servicer.GetUser))
    mock.verify()


def test_it_may_be_answered_in_a_snapshot_within(mock: MockServer, servicer: Any) -> None:
    get_user = mock.on(servicer.GetUser).when(id=1)
    with mock.snapshot():
        get_user.optional().returns()
    mock.verify()


def test_it_is_kept_from_snapshots_that_have_ended(mock: MockServer, servicer: Any) -> None:
    with mock.snapshot():
        mock.on(servicer.GetUser).when(id=1)
    with pytest.raises(VerificationError, match="given no answer"):
        mock.verify()
    mock.reset()
    mock.verify()


@pytest.mark.parametrize("fault", [{"abort": "ABORTED"}, {"hang": True}])
def test_a_fault_that_takes_the_place_of_an_answer_is_a_stub(
    mock: MockServer, servicer: Any, client: Any, generated: Any, fault: dict[str, Any]
) -> None:
    mock.on(servicer.GetUser).when(id=1).fault(fault)
    with pytest.raises(VerificationError, match="A stub was never used"):
        mock.verify()
    answer = client.GetUser.future(generated.pb2.GetUserRequest(id=1))
    call = mock.wait_called(started=True).one()
    if "abort" in fault:
        assert answer.exception(5).code().name == "ABORTED"
    else:
        assert call.under_way
        answer.cancel()
        mock.wait_called()
    mock.verify()


def test_such_a_fault_may_be_followed_by_conditions_and_answers(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    mock.on(servicer.GetUser).fault(abort="ABORTED").when(id=1).named("one")
    mock.on(servicer.GetUser).fault(abort="DATA_LOSS").when(id=2).returns(name="never")
    mock.on(servicer.GetUser).returns(name="Ann")
    codes = []
    for number in (1, 2):
        with pytest.raises(grpc.RpcError) as caught:
            client.GetUser(generated.pb2.GetUserRequest(id=number))
        codes.append(caught.value.code().name)
    assert codes == ["ABORTED", "DATA_LOSS"]
    assert client.GetUser(generated.pb2.GetUserRequest(id=3)).name == "Ann"
    assert mock.calls[0].stub.name == "one"
    mock.verify()


def test_steps_of_a_script_come_one_by_one_or_as_a_list(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    steps = [{"expect": {"id": 1}}, {"send": {"id": 2}}, "half_close"]
    lookup = mock.on(servicer.LookupUsers)
    handles = [lookup.times(1).script(steps), lookup.times(1).script(*steps)]
    assert handles[0].stub.answers == handles[1].stub.answers
    for _ in handles:
        assert [user.id for user in client.LookupUsers(iter([generated.pb2.GetUserRequest(id=1)]))] == [2]
    mock.verify()


def test_the_keys_of_metadata_are_named(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    mock.on(servicer.GetUser).returns()
    client.GetUser(generated.pb2.GetUserRequest(), metadata=[("authorization", "x"), ("user-agent", "y")])
    metadata = mock.calls.one().metadata
    assert metadata["Authorization"] == "x"
    with pytest.raises(KeyError, match=r"There is no metadata 'Authorisation'. Did you mean 'authorization'"):
        metadata["Authorisation"]
    with pytest.raises(KeyError, match=r"There is no metadata 'zz'. The keys are: authorization, .*user-agent"):
        metadata["zz"]
