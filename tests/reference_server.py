"""A server of resources that keeps its contract in one of many legal ways, in process; and the calls to ask it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from grpcmock.fuzz.model.cases import Call, Caller
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package library.v1;

import "google/api/field_behavior.proto";
import "google/api/resource.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";

service Library {
  rpc CreateShelf(CreateShelfRequest) returns (Shelf);
  rpc GetShelf(GetShelfRequest) returns (Shelf) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc ListShelves(ListShelvesRequest) returns (ListShelvesResponse);
  rpc UpdateShelf(UpdateShelfRequest) returns (Shelf) { option idempotency_level = IDEMPOTENT; }
  rpc DeleteShelf(DeleteShelfRequest) returns (Shelf);
  rpc UndeleteShelf(GetShelfRequest) returns (Shelf);
  rpc CreateBook(CreateBookRequest) returns (Book);
  rpc GetBook(GetBookRequest) returns (Book) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc BatchGetBooks(BatchGetBooksRequest) returns (BatchGetBooksResponse);
  rpc ListBooks(ListBooksRequest) returns (ListBooksResponse);
  rpc UpdateBook(UpdateBookRequest) returns (Book);
  rpc DeleteBook(DeleteBookRequest) returns (Book);
  rpc UndeleteBook(GetBookRequest) returns (Book);
}
message Shelf {
  option (google.api.resource) = {type: "library.example.com/Shelf", pattern: "shelves/{shelf}"};
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
  string title = 2 [(google.api.field_behavior) = REQUIRED];
  repeated string tags = 3;
  optional int32 width = 4;
  Place place = 5;
  google.protobuf.Timestamp create_time = 6 [(google.api.field_behavior) = OUTPUT_ONLY];
  google.protobuf.Timestamp update_time = 7 [(google.api.field_behavior) = OUTPUT_ONLY];
  google.protobuf.Timestamp delete_time = 8 [(google.api.field_behavior) = OUTPUT_ONLY];
  string etag = 9;
  string secret = 10 [(google.api.field_behavior) = INPUT_ONLY];
}
message Place { string room = 1; int32 row = 2; }
message Book {
  option (google.api.resource) = {type: "library.example.com/Book", pattern: "shelves/{shelf}/books/{book}"};
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
  string title = 2 [(google.api.field_behavior) = REQUIRED];
  repeated string tags = 3;
  optional int32 width = 4;
  Place place = 5;
  google.protobuf.Timestamp create_time = 6 [(google.api.field_behavior) = OUTPUT_ONLY];
  google.protobuf.Timestamp update_time = 7 [(google.api.field_behavior) = OUTPUT_ONLY];
  google.protobuf.Timestamp delete_time = 8 [(google.api.field_behavior) = OUTPUT_ONLY];
  string etag = 9;
  string secret = 10 [(google.api.field_behavior) = INPUT_ONLY];
}
message CreateShelfRequest { string shelf_id = 1; Shelf shelf = 2; string request_id = 3; }
message GetShelfRequest { string name = 1 [(google.api.resource_reference).type = "library.example.com/Shelf"]; }
message ListShelvesRequest { int32 page_size = 1; string page_token = 2; bool show_deleted = 3; string filter = 4; }
message ListShelvesResponse { repeated Shelf shelves = 1; string next_page_token = 2; int32 total_size = 3; }
message UpdateShelfRequest { Shelf shelf = 1; google.protobuf.FieldMask update_mask = 2; bool allow_missing = 3; }
message DeleteShelfRequest {
  string name = 1 [(google.api.resource_reference).type = "library.example.com/Shelf"];
  string etag = 2;
  bool force = 3;
  bool allow_missing = 4;
}
message CreateBookRequest {
  string parent = 1 [(google.api.resource_reference).child_type = "library.example.com/Book"];
  string book_id = 2;
  Book book = 3;
  string request_id = 4;
}
message GetBookRequest { string name = 1 [(google.api.resource_reference).type = "library.example.com/Book"]; }
message BatchGetBooksRequest {
  string parent = 1 [(google.api.resource_reference).child_type = "library.example.com/Book"];
  repeated string names = 2 [(google.api.resource_reference).type = "library.example.com/Book"];
}
message BatchGetBooksResponse { repeated Book books = 1; }
message ListBooksRequest {
  string parent = 1 [(google.api.resource_reference).child_type = "library.example.com/Book"];
  int32 page_size = 2;
  string page_token = 3;
  bool show_deleted = 4;
  string filter = 5;
}
message ListBooksResponse { repeated Book books = 1; string next_page_token = 2; int32 total_size = 3; }
message UpdateBookRequest { Book book = 1; google.protobuf.FieldMask update_mask = 2; bool allow_missing = 3; }
message DeleteBookRequest {
  string name = 1 [(google.api.resource_reference).type = "library.example.com/Book"];
  string etag = 2;
  bool force = 3;
  bool allow_missing = 4;
}

// Without annotations, and with ids that the server makes.
service Items {
  rpc AddItem(AddItemRequest) returns (Item);
  rpc GetItem(GetItemRequest) returns (Item);
  rpc ListItems(ListItemsRequest) returns (ListItemsResponse);
  rpc UpdateItem(UpdateItemRequest) returns (Item);
  rpc RemoveItem(GetItemRequest) returns (RemoveItemResponse);
}
message Item {
  int64 id = 1;
  string title = 2;
  repeated string tags = 3;
  optional int32 width = 4;
  Place place = 5;
  int64 created_at = 6;
  int64 updated_at = 7;
}
message AddItemRequest { string title = 1; repeated string tags = 2; optional int32 width = 3; Place place = 4; }
message GetItemRequest { int64 id = 1; }
message ListItemsRequest { int32 page = 1; int32 page_size = 2; }
message ListItemsResponse { repeated Item items = 1; int32 total = 2; }
message UpdateItemRequest { Item item = 1; google.protobuf.FieldMask update_mask = 2; }
message RemoveItemResponse {}

// Without annotations, and with slugs that users choose.
service Pages {
  rpc CreatePage(Page) returns (Page);
  rpc GetPage(GetPageRequest) returns (Page);
  rpc ListPages(ListPagesRequest) returns (ListPagesResponse);
  rpc UpdatePage(Page) returns (Page);
  rpc DeletePage(GetPageRequest) returns (DeletePageResponse);
}
message Page {
  string id = 1;
  string title = 2;
  repeated string tags = 3;
  optional int32 width = 4;
  Place place = 5;
  int64 created_at = 6;
  int64 updated_at = 7;
}
message GetPageRequest { string id = 1; }
message ListPagesRequest { int32 page_size = 1; string page_token = 2; }
message ListPagesResponse { repeated Page pages = 1; string next_page_token = 2; }
message DeletePageResponse {}
"""


@cache
def contract() -> Registry:
    with TemporaryDirectory() as folder:
        file = Path(folder, "library.proto")
        file.write_text(PROTO)
        return sources.load([file])


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What a server may do this way or that."""

    users_choose: bool = True
    """Whether ids may be chosen where a request has a place for them; else it is ignored."""
    reuses_ids: bool = False
    """Whether an id that the server makes may be one that was deleted."""
    keeps_deleted: bool = False
    """AIP-164."""
    shows_deleted: bool = True
    """Of those kept: whether Get gives them."""
    revives: bool = False
    """Of those kept: whether the id may be used for a new one."""
    merges: bool = True
    """Whether an update without a mask changes what is set, or everything."""
    refuses_duplicates: bool = True
    """Where nothing is annotated; where it is, they are refused."""
    deletes_quietly: bool = False
    """Where nothing is annotated: whether it is OK to delete what isn't there."""
    cascades: bool = False
    """Whether what stands below a parent goes with it; else it can't be deleted without force."""
    tidies: bool = False
    """Whether texts are stored without blanks around them, and lists without repetition."""
    lists_in_short: bool = False
    """Whether lists leave out some fields."""
    newest_first: bool = False
    counts_pages: bool = False
    """Whether tokens are offsets; else the last key on a page."""
    lowers_ids: bool = False
    """Whether ids that users choose are stored in small letters."""
    upserts: bool = False
    """Where nothing is annotated: whether an update makes what isn't there."""
    latest_first: bool = False
    """Whether lists are in the order of the last changes."""
    skips_missing: bool = False
    """Whether several are given without those that aren't there."""
    most: int = 50
    """The size of the largest page."""
    full_page_leads_on: bool = False
    """Whether a page that is just full has a token, which leads to an empty one."""

    @classmethod
    def drawn(cls, random: Random) -> Style:
        flags = {name: random.random() < 0.5 for name in cls.__dataclass_fields__ if name != "most"}
        return cls(**flags, most=random.choice([2, 3, 50]))


@dataclass(slots=True)
class Kept:
    message: Any
    parent: Any
    number: int
    is_deleted: bool = False


class RefusedError(Exception):
    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code


_CHANGEABLE = ("title", "tags", "width", "place")
_FAULTS = frozenset(
    {
        *("create lost", "create kept in part", "refused create kept", "duplicate replaces", "update lost"),
        *("mask ignored", "mask clears", "unknown path taken", "delete lost", "deleted listed", "any parent"),
        *("list of all", "list short", "page twice", "garbage token", "negative size", "request id ignored"),
    }
)
"""What is wrong with a server that is none of the legal ones."""


@dataclass(slots=True)
class ReferenceServer:
    """Answers calls. With a *fault* it does one thing wrong."""

    style: Style
    fault: str = ""
    kept: dict[str, dict[Any, Kept]] = field(default_factory=dict)
    _made: int = 0
    _clock: int = 1_700_000_000
    _requests: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert not self.fault or self.fault in _FAULTS

    def reply(self, call: Call) -> Reply:
        """Answer a call, as its caller sees it."""
        method = call.method
        assert method is not None
        request = method.request_class.FromString(call.messages[0])
        self._clock += 1
        try:
            response = self._answer(method.name, request, call.caller)
        except RefusedError as error:
            return Reply(call=call, termination=Termination.SERVER, code=error.code, message=str(error), sent=1)
        data = response.SerializeToString(deterministic=True)
        return Reply(call=call, termination=Termination.SERVER, code=Code.OK, responses=(data,), sent=1)

    def _answer(self, name: str, request: Any, caller: Caller) -> Any:
        verb = next(verb for verb in _VERBS if name.startswith(verb))
        noun = {"Shelves": "Shelf", "Books": "Book", "Items": "Item", "Pages": "Page"}.get(
            name.removeprefix(verb), name.removeprefix(verb)
        )
        if caller is not Caller.OWN:
            raise RefusedError(Code.PERMISSION_DENIED, "this is somebody else's")
        return getattr(self, f"_{_VERBS[verb]}")(noun, request)

    def by_others(self, random: Random) -> None:
        """Let somebody else work on things of their own meanwhile."""
        for noun, ids in (("Shelf", "shelves/their{}"), ("Item", None), ("Page", "their{}")):
            key = ids.format(self._number()) if ids else self._new_id(noun, None)
            things = self._of(noun)
            theirs = [one for one, kept in things.items() if kept.message.title == "theirs"]
            if theirs and random.random() < 0.5:
                del things[random.choice(theirs)]
            else:
                message = self._class(noun)(title="theirs")
                setattr(message, _KEY[noun], key)
                self._stamp(noun, message, created=True)
                things[key] = Kept(message, None, self._number())

    # What is kept -------------------------------------------------------------------------------------

    def _of(self, noun: str) -> dict[Any, Kept]:
        return self.kept.setdefault(noun, {})

    def _class(self, noun: str) -> Any:
        return contract().message(f"library.v1.{noun}")

    def _number(self) -> int:
        self._made += 1
        return self._made

    def _new_id(self, noun: str, parent: Any) -> Any:
        things = self._of(noun)
        if noun == "Item":
            if self.style.reuses_ids:
                return max((key for key in things), default=0) + 1
            return self._number() + 1000
        number = 1 if self.style.reuses_ids else self._number() + 1000
        while (name := f"{parent}/books/s{number}" if noun == "Book" else f"shelves/s{number}") in things:
            number += 1
        return name

    def _stamp(self, noun: str, message: Any, *, created: bool = False) -> None:
        if noun in ("Item", "Page"):
            message.updated_at = self._clock
            message.created_at = self._clock if created else message.created_at
            return
        message.update_time.seconds = self._clock
        message.etag = f"e{self._clock}"
        if created:
            message.create_time.seconds = self._clock

    def _found(self, noun: str, key: Any) -> Kept:
        thing = self._of(noun).get(key)
        if thing is None and self.fault == "any parent" and noun == "Book":
            last = str(key).rpartition("/")[2]
            thing = next((one for own, one in self._of(noun).items() if own.endswith(f"/{last}")), None)
        if thing is None or (thing.is_deleted and not self.style.shows_deleted):
            raise RefusedError(Code.NOT_FOUND, f"no {noun} {key!r}")
        return thing

    def _shown(self, noun: str, thing: Kept) -> Any:
        message = type(thing.message)()
        message.CopyFrom(thing.message)
        if noun in ("Shelf", "Book"):
            message.ClearField("secret")
        return message

    # Creating -----------------------------------------------------------------------------------------

    def _create(self, noun: str, request: Any) -> Any:
        given = request if noun in ("Item", "Page") else getattr(request, noun.lower())
        parent = request.parent if noun == "Book" else None
        token = getattr(request, "request_id", "") if noun in ("Shelf", "Book") else ""
        whole = (noun, request.SerializeToString(deterministic=True).hex())
        if token and whole in self._requests and self.fault != "request id ignored":
            return self._requests[whole]
        if noun == "Book" and (parent not in self._of("Shelf") or self._of("Shelf")[parent].is_deleted):
            raise RefusedError(Code.NOT_FOUND, f"no shelf {parent!r}")
        key = self._key(noun, request, parent)
        if self.fault != "refused create kept" and not given.title:
            raise RefusedError(Code.INVALID_ARGUMENT, "title: must be set")
        old = self._of(noun).get(key)
        if old is not None and not (old.is_deleted and self.style.revives):
            keeps = noun in ("Shelf", "Book") or self.style.refuses_duplicates
            if keeps and self.fault != "duplicate replaces":
                raise RefusedError(Code.ALREADY_EXISTS, f"{key!r} is there")
        message = self._class(noun)()
        self._write(message, given, _CHANGEABLE)
        if noun in ("Shelf", "Book"):
            message.secret = given.secret
        setattr(message, _KEY[noun], key)
        self._stamp(noun, message, created=True)
        thing = Kept(message, parent, self._number())
        shown = self._shown(noun, thing)
        if self.fault == "create kept in part":
            message.ClearField("tags")
        if self.fault != "create lost":
            self._of(noun)[key] = thing
        if not given.title:
            raise RefusedError(Code.INVALID_ARGUMENT, "title: must be set")
        if token:
            self._requests[whole] = shown
        return shown

    def _key(self, noun: str, request: Any, parent: Any) -> Any:
        if noun == "Item":
            return self._new_id(noun, None)
        if noun == "Page":
            if not request.id.isalnum():
                raise RefusedError(Code.INVALID_ARGUMENT, "id: letters and digits")
            return request.id.lower() if self.style.lowers_ids else request.id
        own = getattr(request, f"{noun.lower()}_id")
        if own and self.style.users_choose:
            if not own.isalnum():
                raise RefusedError(Code.INVALID_ARGUMENT, f"{noun.lower()}_id: letters and digits")
            own = own.lower() if self.style.lowers_ids else own
            return f"{parent}/books/{own}" if noun == "Book" else f"shelves/{own}"
        return self._new_id(noun, parent)

    def _write(self, message: Any, given: Any, names: Any) -> None:
        for name in names:
            message.ClearField(name)
            own = given.DESCRIPTOR.fields_by_name[name]
            if own.is_repeated:
                items = getattr(given, name)
                getattr(message, name).extend(dict.fromkeys(items) if self.style.tidies else items)
            elif own.message_type is not None:
                if given.HasField(name):
                    getattr(message, name).CopyFrom(getattr(given, name))
            elif not own.has_presence or given.HasField(name):
                value = getattr(given, name)
                setattr(message, name, value.strip() if self.style.tidies and isinstance(value, str) else value)

    # Reading ------------------------------------------------------------------------------------------

    def _get(self, noun: str, request: Any) -> Any:
        return self._shown(noun, self._found(noun, getattr(request, _KEY[noun])))

    def _batch_get(self, noun: str, request: Any) -> Any:
        response: Any = contract().message("library.v1.BatchGetBooksResponse")()
        for name in request.names:
            if name in self._of(noun) or not self.style.skips_missing:
                response.books.append(self._shown(noun, self._found(noun, name)))
        return response

    def _list(self, noun: str, request: Any) -> Any:
        response: Any = contract().message(f"library.v1.List{_PLURAL[noun]}Response")()
        parent = getattr(request, "parent", None)
        if noun == "Book" and parent not in self._of("Shelf"):
            raise RefusedError(Code.NOT_FOUND, f"no shelf {parent!r}")
        if request.page_size < 0 and self.fault != "negative size":
            raise RefusedError(Code.INVALID_ARGUMENT, "page_size: not below 0")
        hidden = not getattr(request, "show_deleted", False) and self.fault != "deleted listed"
        things = [
            (key, thing)
            for key, thing in self._of(noun).items()
            if not (thing.is_deleted and hidden)
            and (parent is None or thing.parent == parent or self.fault == "list of all")
            and (not getattr(request, "filter", "") or request.filter in thing.message.title)
        ]
        things.sort(key=lambda pair: -pair[1].number if self.style.newest_first else pair[1].number)
        start = self._start(noun, request, things)
        size = min(abs(request.page_size) or 10, self.style.most)
        page = things[start : start + size]
        if self.fault == "list short" and len(things) > 1 and start == 0:
            page = page[:-1]
        for _, thing in page:
            message = self._shown(noun, thing)
            if self.fault == "deleted listed" and thing.is_deleted:
                message.ClearField("delete_time")
            if self.style.lists_in_short:
                message.ClearField("place")
            getattr(response, _PLURAL[noun].lower()).append(message)
        after = start + size - (self.fault == "page twice" and size > 1)
        if noun != "Item" and (after < len(things) or (self.style.full_page_leads_on and len(page) == size)):
            if self.fault == "page twice" and start + size >= len(things):
                return response
            last = things[min(after, len(things)) - 1][1].number
            response.next_page_token = f"o{after}" if self.style.counts_pages else f"k{last}"
        return response

    def _start(self, noun: str, request: Any, things: list[Any]) -> int:
        if noun == "Item":
            return (max(request.page, 1) - 1) * min(request.page_size or 10, self.style.most)
        token = request.page_token
        if not token:
            return 0
        if token[0] not in "ok" or not token[1:].isdigit():
            if self.fault == "garbage token":
                return 0
            raise RefusedError(Code.INVALID_ARGUMENT, "page_token: not one of ours")
        number = int(token[1:])
        if self.style.counts_pages:
            return number
        sign = -1 if self.style.newest_first else 1
        return next((i for i, (_, thing) in enumerate(things) if sign * thing.number > sign * number), len(things))

    # Changing -----------------------------------------------------------------------------------------

    def _update(self, noun: str, request: Any) -> Any:
        given = request if noun == "Page" else getattr(request, noun.lower())
        paths = list(request.update_mask.paths) if noun != "Page" else []
        key = getattr(given, _KEY[noun])
        if not key:
            raise RefusedError(Code.INVALID_ARGUMENT, f"{_KEY[noun]}: must be set")
        thing = self._of(noun).get(key)
        if thing is None or thing.is_deleted:
            if thing is not None and self.style.shows_deleted:
                raise RefusedError(Code.FAILED_PRECONDITION, "it was deleted")
            return self._missing(noun, request, given, key)
        for path in paths:
            if path != "*" and path.split(".")[0] not in given.DESCRIPTOR.fields_by_name:
                if self.fault == "unknown path taken":
                    continue
                raise RefusedError(Code.INVALID_ARGUMENT, f"update_mask: no field {path!r}")
        etag = getattr(given, "etag", "")
        if etag and etag != thing.message.etag:
            raise RefusedError(Code.ABORTED, "the etag is an old one")
        new = type(thing.message)()
        new.CopyFrom(thing.message)
        self._change(new, given, paths)
        if not new.title:
            raise RefusedError(Code.INVALID_ARGUMENT, "title: must be set")
        self._stamp(noun, new)
        shown = self._shown(noun, Kept(new, None, 0))
        if self.fault != "update lost":
            thing.message = new
            if self.style.latest_first:
                thing.number = self._number()
        return shown

    def _change(self, new: Any, given: Any, paths: list[str]) -> None:
        if not paths or self.fault == "mask ignored":
            every = list(_CHANGEABLE)
            merges = self.style.merges and not paths
            named = [one.name for one, _ in given.ListFields() if one.name in every]
            self._write(new, given, named if merges else every)
            return
        if self.fault == "mask clears":
            for name in _CHANGEABLE:
                if name not in (*paths, "title"):
                    new.ClearField(name)
        if "*" in paths:
            self._write(new, given, _CHANGEABLE)
        self._write(new, given, [path for path in paths if path in _CHANGEABLE])
        for path in paths:
            if path.startswith("place.") and path.partition(".")[2] in ("room", "row"):
                setattr(new.place, path.partition(".")[2], getattr(given.place, path.partition(".")[2]))

    def _missing(self, noun: str, request: Any, given: Any, key: Any) -> Any:
        makes = getattr(request, "allow_missing", False) or (noun == "Page" and self.style.upserts)
        if not makes or key in self._of(noun):
            raise RefusedError(Code.NOT_FOUND, f"no {noun} {key!r}")
        if noun == "Book" and str(key).rpartition("/books/")[0] not in self._of("Shelf"):
            raise RefusedError(Code.NOT_FOUND, "no shelf")
        if not given.title:
            raise RefusedError(Code.INVALID_ARGUMENT, "title: must be set")
        message = self._class(noun)()
        self._write(message, given, _CHANGEABLE)
        setattr(message, _KEY[noun], key)
        self._stamp(noun, message, created=True)
        parent = str(key).rpartition("/books/")[0] if noun == "Book" else None
        self._of(noun)[key] = Kept(message, parent, self._number())
        return self._shown(noun, self._of(noun)[key])

    # Deleting -----------------------------------------------------------------------------------------

    def _delete(self, noun: str, request: Any) -> Any:
        key, things = getattr(request, _KEY[noun]), self._of(noun)
        empty = self._nothing(noun)
        thing = things.get(key)
        if thing is None or thing.is_deleted:
            if getattr(request, "allow_missing", False) or (noun in ("Item", "Page") and self.style.deletes_quietly):
                return empty
            raise RefusedError(Code.NOT_FOUND, f"no {noun} {key!r}")
        etag = getattr(request, "etag", "")
        if etag and etag != thing.message.etag:
            raise RefusedError(Code.ABORTED, "the etag is an old one")
        below = [own for own, one in self._of("Book").items() if noun == "Shelf" and one.parent == key]
        if below and not (request.force or self.style.cascades):
            raise RefusedError(Code.FAILED_PRECONDITION, "there are books on it")
        if self.fault == "delete lost":
            return empty
        for own in below:
            del self._of("Book")[own]
        if noun in ("Shelf", "Book") and self.style.keeps_deleted:
            thing.is_deleted = True
            thing.message.delete_time.seconds = self._clock
            return self._shown(noun, thing)
        del things[key]
        return empty

    def _nothing(self, noun: str) -> Any:
        name = {"Item": "RemoveItemResponse", "Page": "DeletePageResponse"}.get(noun, noun)
        return self._class(name)()

    def _undelete(self, noun: str, request: Any) -> Any:
        thing = self._of(noun).get(request.name)
        if thing is None:
            raise RefusedError(Code.NOT_FOUND, f"no {noun}")
        if not thing.is_deleted:
            raise RefusedError(Code.ALREADY_EXISTS, "it is there")
        thing.is_deleted = False
        thing.message.ClearField("delete_time")
        return self._shown(noun, thing)


_VERBS = {
    "BatchGet": "batch_get",
    "Create": "create",
    "Add": "create",
    "Get": "get",
    "List": "list",
    "Update": "update",
    "Delete": "delete",
    "Remove": "delete",
    "Undelete": "undelete",
}
_KEY = {"Shelf": "name", "Book": "name", "Item": "id", "Page": "id"}
_PLURAL = {"Shelf": "Shelves", "Book": "Books", "Item": "Items", "Page": "Pages"}
