"""A server lives on while a case is made small: what one try has made is in no other one's way."""

from __future__ import annotations

from itertools import count
from typing import Any, cast

from benchmarks.mutants.schema import registry
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.cases import Call, Case, Phase, call_of
from grpcmock.fuzz.model.findings import Failure, Finding
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.shrinking.case_shrinking import Effort, shrink
from grpcmock.fuzz.shrinking.confirmation import Confirmation
from grpcmock.fuzz.shrinking.fresh_ids import FreshIds
from grpcmock.status import Code

USERS = "directory.v1.UserService"
CREATE, GET, UPDATE, DELETE = (
    registry().method(f"{USERS}/{verb}User") for verb in ("Create", "Get", "Update", "Delete")
)


def asked(method: Any, **values: Any) -> Call:
    return call_of(method, method.request_class(**values).SerializeToString(deterministic=True))


def created(own_id: str) -> Call:
    return asked(CREATE, user_id=own_id, user={"display_name": "Ann", "email": "ann@example.com", "age": 30})


def case_of(*calls: Call) -> Case:
    return Case(id="t", phase=Phase.STATEFUL, method=UPDATE, calls=calls, why="")


def _message(message_class: Any) -> Any:
    return message_class()


class Server:
    """Keeps users; an update is lost."""

    def __init__(self) -> None:
        self._users: dict[str, Any] = {}

    def result(self, case: Case) -> CaseResult:
        return CaseResult(replies=tuple(map(self._reply, case.calls)))

    def _reply(self, call: Call) -> Reply:
        assert call.method is not None
        request: Any = call.method.request_class.FromString(call.messages[0])
        code, answer = Code.OK, _message(call.method.response_class)
        if call.method is CREATE:
            name = f"users/{request.user_id}"
            if name in self._users or len(name) < len("users/abc") or not request.user.display_name:
                code = Code.ALREADY_EXISTS if name in self._users else Code.INVALID_ARGUMENT
            else:
                answer.CopyFrom(request.user)
                answer.name = name
                self._users[name] = answer
        elif (name := request.user.name if call.method is UPDATE else request.name) not in self._users:
            code = Code.NOT_FOUND
        elif call.method is UPDATE:
            answer.CopyFrom(request.user)
        else:
            answer.CopyFrom(self._users[name]) if call.method is GET else self._users.pop(name)
        data = (answer.SerializeToString(),) if code is Code.OK else ()
        return Reply(call=call, termination=Termination.SERVER, code=code, responses=data)


def ids_in(case: Case) -> set[str]:
    found = set()
    for call in case.calls:
        request: Any = call.method.request_class.FromString(call.messages[0])  # type: ignore[union-attr]
        found.add(request.user_id if call.method is CREATE else getattr(request, "name", "") or request.user.name)
    return {one.rpartition("/")[2] for one in found}


def test_ids_that_a_client_has_chosen_are_others_in_each_try_and_the_same_within_it() -> None:
    case = case_of(created("aa0b1c2d"), asked(GET, name="users/aa0b1c2d"), asked(GET, name="users/somebody"))
    fresh = FreshIds(case, Server().result(case), count())
    tries = [fresh.given_to(case) for _ in range(5)]
    assert fresh
    assert all(len(ids_in(one)) == 2 and "somebody" in ids_in(one) for one in tries)
    assert len(set.union(*map(ids_in, tries))) == 6
    emails = {CREATE.request_class.FromString(one.calls[0].messages[0]).user.email for one in tries}  # type: ignore[attr-defined]
    assert emails == {"ann@example.com"}


class Living:
    """A server as confirmation sees it, which can't be started anew."""

    can_renew = is_gone = False

    def __init__(self) -> None:
        self._server = Server()

    async def observe(self, case: Case) -> CaseResult:
        return self._server.result(case)


class Content:
    """Checks that find nothing any more."""

    def evaluate(self, *_: Any) -> tuple[Finding, ...]:
        return ()


async def test_two_failures_that_one_case_has_shown_are_tried_with_ids_of_their_own() -> None:
    living, some = Living(), cast("Any", None)
    case = case_of(created("aa0b1c2d"), asked(GET, name="users/aa0b1c2d"))
    seen = await living.observe(case)
    confirmation = Confirmation(
        cast("Any", living), cast("Any", Content()), some, some, some, effort=Effort(), seconds_in_all=10
    )
    for key in ("one", "other"):
        finding = Finding(check="use_after_delete", code="G130", expected="", actual="", key=key)
        failure = Failure(finding=finding, case=case, result=seen, first=case, after_cases=1, after_seconds=0.0)
        confirmation.begin()
        told = await confirmation.confirm(failure)
        assert (told.hits, told.tries) == (1, 4), "a try was spent on what is there already"


def test_ids_that_the_server_makes_stay_as_they_are() -> None:
    case = case_of(asked(GET, name="users/aa0b1c2d"))
    fresh = FreshIds(case, Server().result(case), count())
    assert not fresh
    assert fresh.given_to(case) is case


async def test_a_case_without_its_clean_up_gets_short() -> None:
    server = Server()
    name = "users/aa0b1c2d"
    case = case_of(
        asked(DELETE, name=name),
        created("aa0b1c2d"),
        asked(GET, name=name),
        asked(DELETE, name=name),
        created("aa0b1c2d"),
        asked(UPDATE, user={"name": name, "display_name": "Bob"}),
        asked(GET, name=name),
        asked(DELETE, name=name),
    )
    fresh = FreshIds(case, server.result(case), count())

    async def fails(smaller: Case) -> bool:
        if not fresh.are_kept_by(smaller):
            return False
        replies = server.result(fresh.given_to(smaller)).replies
        updates = [reply for reply in replies if reply.call.method is UPDATE and reply.is_ok]
        return bool(updates) and replies[-1].call.method is GET and replies[-1].is_ok

    assert not await fails(case)  # it has its clean-up at the end
    smallest = await shrink(
        case_of(*case.calls[:-1]), fails, Generators(registry()), Effort(tries=200), is_fresh=bool(fresh)
    )
    assert [call.method for call in smallest.calls if call.method is not DELETE] == [CREATE, UPDATE, GET]
    assert len(smallest.calls) <= 4
