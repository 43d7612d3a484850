"""Links that were written down: read, checked with places, and stronger than names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest

from grpcmock.client.target import Target
from grpcmock.errors import StubError
from grpcmock.fuzz.expectations.links import Links, read
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.replay import case_file as case_files
from grpcmock.fuzz.replay.replayer import replay, with_expectations
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz
from grpcmock.schema import Registry

TABS = """\
links:
  - from: shop.Shop/OpenTab
    response: number
    to: Shop/ShowBill
    request: tab
  - from: shop.Shop/OpenTab
    response: number
    to: shop.Shop/Settle
    request: tab
    as: delete
"""


def links(text: str, protos: Registry, folder: Path) -> Links:
    file = folder / "links.yaml"
    file.write_text(text)
    return read([file], protos)


def test_links_tell_of_what_no_name_does(plain: Registry, tmp_path: Path) -> None:
    written = links(TABS, plain, tmp_path)
    (tab,) = (one for one in resources_of(plain, written).all if one.operation(Role.CREATE).method.name == "OpenTab")  # type: ignore[union-attr]
    assert (tab.descriptor.name, tab.key) == ("Bill", "number")
    creating, reading, settling = (tab.operation(role) for role in (Role.CREATE, Role.GET, Role.DELETE))
    assert creating is not None
    assert reading is not None
    assert settling is not None
    assert creating.made == ("number",)
    assert (reading.method.name, reading.key, reading.shown) == ("ShowBill", ("tab",), ())
    assert settling.method.name == "Settle"
    assert {"Customer", "Order"} <= set(resources_of(plain, written).by_name)


def test_links_win_over_names(directory: Registry, tmp_path: Path) -> None:
    text = (
        "- {from: UserService/CreateUser, response: email, to: UserService/GetUser, request: name}\n"
        "- {from: UserService/CreateUser, response: email, to: UserService/ListUsers, shows: users}\n"
    )
    user = resources_of(directory, links(text, directory, tmp_path)).by_name["User"]
    assert user.key == "email"
    assert user.operation(Role.LIST).shown == ("users",)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {from: shop.Shop/OpenTap, response: number, to: Shop/ShowBill, request: tab}", "1:10: There is no method"),
        (
            "- {from: Shop/OpenTab, response: numbr, to: Shop/ShowBill, request: tab}",
            "1:34: shop.OpenTabResponse has no field 'numbr'.",
        ),
        ("- {from: Shop/OpenTab, response: numbr, to: Shop/ShowBill, request: tab}", "Did you mean 'number'?"),
        ("- {from: Shop/OpenTab, to: Shop/ShowBill, request: tab}", "The link says no 'response'."),
        ("- {from: Shop/OpenTab, response: number, to: Shop/ShowBill}", "where ShowBill takes the key"),
        ("- {frm: Shop/OpenTab, response: number, to: Shop/ShowBill, request: tab}", "Did you mean 'from'?"),
        (
            "- {from: Shop/OpenTab, response: number, to: Shop/Settle, request: tab, as: deleted}",
            "Did you mean 'delete'?",
        ),
        ("- {from: [], response: number, to: Shop/ShowBill, request: tab}", "'from' is a string, not a list."),
        ("from: x", "A list of links was expected, not a mapping."),
        ("- x", "not a string"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str, plain: Registry, tmp_path: Path) -> None:
    with pytest.raises(StubError) as caught:
        links(text, plain, tmp_path)
    assert told in str(caught.value)


def test_a_missing_file_is_told(plain: Registry, tmp_path: Path) -> None:
    with pytest.raises(StubError, match="can't be read"):
        read([tmp_path / "none.yaml"], plain)


async def test_a_failure_that_links_explain_is_made_again_with_them(
    plain: Registry, serving: Any, tmp_path: Path
) -> None:
    file = tmp_path / "links.yaml"
    file.write_text(TABS)
    methods = {name: plain.method(f"Shop/{name}") for name in ("OpenTab", "ShowBill", "Settle")}
    tabs: dict[str, str] = {}

    async def answer(name: str, request: Any, context: Any) -> Any:
        response = methods[name].response_class
        if name == "OpenTab":
            tabs[number := str(len(tabs) + 1)] = request.guest
            return response(number=number)
        if request.tab not in tabs:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such tab.")
        if name == "ShowBill":
            return response(number=request.tab, guest=tabs[request.tab])
        return response()  # and forgets to settle it

    def handler(name: str) -> Any:
        async def handle(requests: Any, context: Any) -> Any:
            async for data in requests:
                request = methods[name].request_class.FromString(data)
                yield (await answer(name, request, context)).SerializeToString()

        return handle

    async with serving({method.path: handler(name) for name, method in methods.items()}) as target:
        settings = Settings(
            target=target, registry=plain, include=list(methods), links=[file], checks=["G130"],
            bounds=Bounds(phases=(Phase.STATEFUL,)),
        )  # fmt: skip
        (failure,) = (await fuzz(settings)).failures
        assert failure.method.name == "ShowBill"
        (kept,) = case_files.keep([failure], case_files.Origin.of(settings), tmp_path / "failures")
        again = await replay(case_files.load(kept), Settings(target=target, registry=plain))
        assert again.same


@pytest.mark.parametrize(("check", "given"), [("G152", {"stubs"}), ("G130", {"links"}), ("G102", set())])
def test_files_that_a_check_does_not_look_at_are_not_looked_for(check: str, given: set[str]) -> None:
    usual = Settings(target=Target.parse("127.0.0.1:1"))
    found = with_expectations(usual, {"check": check, "expectations": {"stubs": ["a.yaml"], "links": ["b.yaml"]}})
    assert {name for name in ("stubs", "links") if getattr(found, name)} == given
