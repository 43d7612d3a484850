"""What there may be once only below one parent differs between two requests below it."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from in_process_services import RefusedError, answers, opened

from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package shelves;

service Shelves {
  rpc AddShelf(AddShelfRequest) returns (Shelf);
  rpc AddBook(AddBookRequest) returns (Book);
}
message AddShelfRequest { string theme = 1; }
message Shelf { string id = 1; }
message AddBookRequest { string shelf_id = 1; string title = 2; string label = 3; int32 pages = 4; }
message Book { string id = 1; }
"""


class Shelves:
    def __init__(self, registry: Registry, unique: str) -> None:
        self.message = registry.message
        self.unique = unique
        self.ids = count(1)
        self.shelves: dict[str, set[str]] = {}

    def AddShelf(self, request: Any) -> Any:
        key = f"shelf-{next(self.ids)}"
        self.shelves[key] = set()
        return self.message("shelves.Shelf")(id=key)

    def AddBook(self, request: Any) -> Any:
        if request.shelf_id not in self.shelves:
            raise RefusedError("no such shelf", Code.NOT_FOUND)
        if not request.title:
            raise RefusedError("title is required", Code.INVALID_ARGUMENT)
        taken, own = self.shelves[request.shelf_id], getattr(request, self.unique, "")
        if own and own in taken:
            raise RefusedError("the shelf has one such book", Code.ALREADY_EXISTS)
        taken.add(own)
        return self.message("shelves.Book")(id=f"book-{next(self.ids)}")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("shelves") / "shelves.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize(("unique", "own_id"), [("title", ("title",)), ("label", ("label",)), ("", None)])
async def test_what_is_unique_is_found_and_differs(
    registry: Registry, unique: str, own_id: tuple[str, ...] | None
) -> None:
    plan, _ = await opened(registry, Shelves(registry, unique), turns=3)
    accepted = plan.acceptance.first["/shelves.Shelves/AddBook"]
    assert accepted.own_id == own_id
    replies = answers(Shelves(registry, unique), accepted.calls(accepted.full, accepted.full, accepted.full))
    assert [reply.name for reply in replies] == ["OK"] * 4  # with one shelf for all
