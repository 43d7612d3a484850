"""A library on ``grpc.aio``: ids that users choose, parents, pages, masks; errors hold a ``BadRequest``."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Iterable
from typing import Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("library.v1.LibraryService",)
pb = Messages("library", "library.v1")

ID = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
SHELF = re.compile(r"shelves/([^/]+)")
BOOK = re.compile(r"(shelves/[^/]+)/books/([^/]+)")
LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
OUTPUT_ONLY = ("create_time", "update_time")
DEFAULT_PAGE = 20
LARGEST_PAGE = 100
MOST_PAGES = 20_000
MOST_LABELS = 16


class Invalid(Exception):
    """A field of a request that is wrong, and why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(field, why)
        self.field = field
        self.why = why


async def refuse(context: Any, error: Invalid) -> NoReturn:
    status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message=f"{error.field} {error.why}.")
    violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.why)
    status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError


def check_text(field: str, text: str, longest: int) -> None:
    if not text.strip():
        raise Invalid(field, "must not be empty")
    if len(text) > longest:
        raise Invalid(field, f"has more than {longest} characters")


def check_isbn(field: str, isbn: str) -> None:
    if not re.fullmatch("[0-9]{13}", isbn):
        raise Invalid(field, "must have thirteen digits")
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(isbn))
    if total % 10 != 0:
        raise Invalid(field, "has a wrong last digit")


def check_labels(field: str, labels: Any) -> None:
    if len(labels) > MOST_LABELS:
        raise Invalid(field, f"has more than {MOST_LABELS} entries")
    for key, value in labels.items():
        if not LABEL.fullmatch(key):
            raise Invalid(field, "has a key that isn't made of small letters, digits, _ and -")
        if len(value) > 63:
            raise Invalid(field, "has a value of more than 63 characters")


def check_source(book: Any, prefix: str) -> None:
    arm = book.WhichOneof("source")
    if arm == "donation":
        check_text(f"{prefix}donation.donor", book.donation.donor, 100)
    elif arm == "purchase":
        check_text(f"{prefix}purchase.seller", book.purchase.seller, 100)
        if book.purchase.price_cents < 0:
            raise Invalid(f"{prefix}purchase.price_cents", "must not be negative")


def check_book(book: Any, prefix: str = "book.") -> None:
    check_text(f"{prefix}title", book.title, 200)
    if not book.authors:
        raise Invalid(f"{prefix}authors", "must not be empty")
    if len(book.authors) > 10:
        raise Invalid(f"{prefix}authors", "has more than 10 items")
    for index, author in enumerate(book.authors):
        check_text(f"{prefix}authors[{index}]", author, 100)
    if book.genre not in pb.Genre.values():
        raise Invalid(f"{prefix}genre", "is none of those that there are")
    if not 0 <= book.page_count <= MOST_PAGES:
        raise Invalid(f"{prefix}page_count", f"must be from 0 to {MOST_PAGES}")
    if book.isbn:
        check_isbn(f"{prefix}isbn", book.isbn)
    if book.binding.height > 1000:
        raise Invalid(f"{prefix}binding.height", "must be at most 1000")
    check_labels(f"{prefix}labels", book.labels)
    check_source(book, prefix)


def shelf_name(field: str, name: str, *, any_allowed: bool = False) -> str:
    found = SHELF.fullmatch(name)
    if found is None or not (ID.fullmatch(found[1]) or (any_allowed and found[1] == "-")):
        raise Invalid(field, "must look like shelves/{shelf}")
    return name


def book_name(field: str, name: str) -> tuple[str, str]:
    found = BOOK.fullmatch(name)
    if found is None or not ID.fullmatch(found[2]):
        raise Invalid(field, "must look like shelves/{shelf}/books/{book}")
    return shelf_name(field, found[1]), found[2]


def chosen_id(field: str, wanted: str, made: str) -> str:
    if not wanted:
        return f"x{made}"
    if not ID.fullmatch(wanted):
        raise Invalid(field, "must be 1 to 63 small letters, digits and hyphens, a letter first and no hyphen last")
    return wanted


def page(items: Iterable[Any], request: Any, key: str) -> tuple[list[Any], str]:
    """The items of a page, and the token of the next one."""
    if request.page_size < 0:
        raise Invalid("page_size", "must not be negative")
    size = min(request.page_size or DEFAULT_PAGE, LARGEST_PAGE)
    after = ""
    if request.page_token:
        try:
            after_key, _, after = base64.b64decode(request.page_token, validate=True).decode().partition("|")
        except ValueError:
            raise Invalid("page_token", "is none that this server gave") from None
        if after_key != key or not after:
            raise Invalid("page_token", "was given for another list")
    left = sorted((item for item in items if item.name > after), key=lambda item: item.name)
    token = ""
    if len(left) > size:
        token = base64.b64encode(f"{key}|{left[size - 1].name}".encode()).decode()
    return left[:size], token


def masked_paths(mask: Any, book: Any) -> list[str]:
    """The paths that an update changes."""
    fields = [field.name for field in pb.Book.DESCRIPTOR.fields if field.name != "name"]
    if not mask.paths:
        return [field.name for field, _ in book.ListFields() if field.name != "name"]
    if list(mask.paths) == ["*"]:
        return fields
    for path in mask.paths:
        first, _, rest = path.partition(".")
        if path == "name":
            continue
        if first not in fields:
            raise Invalid("update_mask", "names a field that a book doesn't have")
        if rest:
            below = pb.Book.DESCRIPTOR.fields_by_name[first]
            if below.is_repeated or below.message_type is None or rest not in below.message_type.fields_by_name:
                raise Invalid("update_mask", "names a field that a book doesn't have")
    return [path for path in mask.paths if path != "name"]


def copy_path(path: str, source: Any, target: Any) -> None:
    """Make one path of the target what it is in the source."""
    first, _, rest = path.partition(".")
    if rest:
        if source.HasField(first):
            copy_path(rest, getattr(source, first), getattr(target, first))
        elif target.HasField(first):
            getattr(target, first).ClearField(rest)
        return
    target.ClearField(first)
    field = source.DESCRIPTOR.fields_by_name[first]
    if field.is_repeated or field.message_type is not None:
        if field.is_repeated or source.HasField(first):
            getattr(target, first).MergeFrom(getattr(source, first))
    elif not field.has_presence or source.HasField(first):
        setattr(target, first, getattr(source, first))


class Server:
    """Shelves and books in memory."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.shelves: dict[str, Any] = {}
        self.books: dict[str, Any] = {}

    def _books_of(self, shelf: str) -> list[Any]:
        return [book for name, book in self.books.items() if name.startswith(f"{shelf}/")]

    def _shelf(self, name: str) -> Any:
        shelf = pb.Shelf()
        shelf.CopyFrom(self.shelves[name])
        shelf.book_count = len(self._books_of(name))
        return shelf

    async def _existing_shelf(self, name: str, context: Any) -> None:
        if name not in self.shelves:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such shelf.")

    async def _existing_book(self, name: str, context: Any) -> Any:
        if name not in self.books:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such book.")
        return self.books[name]

    async def CreateShelf(self, request: Any, context: Any) -> Any:
        try:
            if not request.HasField("shelf"):
                raise Invalid("shelf", "is required")
            check_text("shelf.theme", request.shelf.theme, 120)
            name = f"shelves/{chosen_id('shelf_id', request.shelf_id, self.environment.token())}"
        except Invalid as error:
            await refuse(context, error)
        if name in self.shelves:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "There is a shelf of this id.")
        shelf = pb.Shelf(name=name, theme=request.shelf.theme)
        shelf.create_time.FromMilliseconds(int(self.environment.now() * 1000))
        self.shelves[name] = shelf
        return self._shelf(name)

    async def GetShelf(self, request: Any, context: Any) -> Any:
        try:
            name = shelf_name("name", request.name)
        except Invalid as error:
            await refuse(context, error)
        await self._existing_shelf(name, context)
        return self._shelf(name)

    async def ListShelves(self, request: Any, context: Any) -> Any:
        try:
            shelves, token = page(self.shelves.values(), request, "shelves")
        except Invalid as error:
            await refuse(context, error)
        return pb.ListShelvesResponse(shelves=[self._shelf(shelf.name) for shelf in shelves], next_page_token=token)

    async def DeleteShelf(self, request: Any, context: Any) -> Any:
        try:
            name = shelf_name("name", request.name)
        except Invalid as error:
            await refuse(context, error)
        await self._existing_shelf(name, context)
        books = self._books_of(name)
        if books and not request.force:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "There are books on this shelf.")
        for book in books:
            del self.books[book.name]
        del self.shelves[name]
        return Empty()

    async def MergeShelves(self, request: Any, context: Any) -> Any:
        try:
            name = shelf_name("name", request.name)
            other = shelf_name("other_shelf", request.other_shelf)
            if name == other:
                raise Invalid("other_shelf", "must be another shelf")
        except Invalid as error:
            await refuse(context, error)
        await self._existing_shelf(name, context)
        await self._existing_shelf(other, context)
        moved = self._books_of(other)
        names = [name + book.name.removeprefix(other) for book in moved]
        if any(one in self.books for one in names):
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "Both shelves have a book of the same id.")
        for new_name, book in zip(names, moved, strict=True):
            del self.books[book.name]
            book.name = new_name
            self.books[new_name] = book
        del self.shelves[other]
        return self._shelf(name)

    async def CreateBook(self, request: Any, context: Any) -> Any:
        try:
            parent = shelf_name("parent", request.parent)
            if not request.HasField("book"):
                raise Invalid("book", "is required")
            check_book(request.book)
            name = f"{parent}/books/{chosen_id('book_id', request.book_id, self.environment.token())}"
        except Invalid as error:
            await refuse(context, error)
        await self._existing_shelf(parent, context)
        if name in self.books:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "There is a book of this id.")
        return self._shown(self._store(name, request.book))

    def _store(self, name: str, given: Any) -> Any:
        book = pb.Book()
        book.CopyFrom(given)
        book.name = name
        book.create_time.FromMilliseconds(int(self.environment.now() * 1000))
        book.update_time.CopyFrom(book.create_time)
        self.books[name] = book
        return book

    def _shown(self, book: Any) -> Any:
        shown = pb.Book()
        shown.CopyFrom(book)
        shown.ClearField("deposit_note")
        return shown

    async def GetBook(self, request: Any, context: Any) -> Any:
        try:
            book_name("name", request.name)
        except Invalid as error:
            await refuse(context, error)
        return self._shown(await self._existing_book(request.name, context))

    async def ListBooks(self, request: Any, context: Any) -> Any:
        try:
            parent = shelf_name("parent", request.parent, any_allowed=True)
            if request.genre not in pb.Genre.values():
                raise Invalid("genre", "is none of those that there are")
            books = list(self.books.values()) if parent == "shelves/-" else self._books_of(parent)
            if request.genre:
                books = [book for book in books if book.genre == request.genre]
            books, token = page(books, request, f"{parent}#{request.genre}")
        except Invalid as error:
            await refuse(context, error)
        if parent != "shelves/-":
            await self._existing_shelf(parent, context)
        return pb.ListBooksResponse(books=[self._shown(book) for book in books], next_page_token=token)

    async def UpdateBook(self, request: Any, context: Any) -> Any:
        try:
            if not request.HasField("book"):
                raise Invalid("book", "is required")
            parent, _ = book_name("book.name", request.book.name)
            paths = masked_paths(request.update_mask, request.book)
        except Invalid as error:
            await refuse(context, error)
        name = request.book.name
        missing = name not in self.books
        if missing and request.allow_missing:
            await self._existing_shelf(parent, context)
        elif missing:
            await self._existing_book(name, context)
        changed = pb.Book()
        if missing:
            changed.CopyFrom(request.book)
        else:
            changed.CopyFrom(self.books[name])
            for path in paths:
                if path.partition(".")[0] not in OUTPUT_ONLY:
                    copy_path(path, request.book, changed)
        try:
            check_book(changed)
        except Invalid as error:
            await refuse(context, error)
        if missing:
            return self._shown(self._store(name, changed))
        changed.update_time.FromMilliseconds(int(self.environment.now() * 1000))
        self.books[name] = changed
        return self._shown(changed)

    async def DeleteBook(self, request: Any, context: Any) -> Any:
        try:
            book_name("name", request.name)
        except Invalid as error:
            await refuse(context, error)
        await self._existing_book(request.name, context)
        del self.books[request.name]
        return Empty()

    async def BatchGetBooks(self, request: Any, context: Any) -> Any:
        try:
            parent = shelf_name("parent", request.parent, any_allowed=True) if request.parent else "shelves/-"
            if not request.names:
                raise Invalid("names", "must not be empty")
            if len(request.names) > 50:
                raise Invalid("names", "has more than 50 items")
            for index, name in enumerate(request.names):
                shelf, _ = book_name(f"names[{index}]", name)
                if parent not in ("shelves/-", shelf):
                    raise Invalid(f"names[{index}]", "stands on another shelf than the parent")
        except Invalid as error:
            await refuse(context, error)
        books = [await self._existing_book(name, context) for name in request.names]
        return pb.BatchGetBooksResponse(books=[self._shown(book) for book in books])

    async def MoveBook(self, request: Any, context: Any) -> Any:
        try:
            _, book_id = book_name("name", request.name)
            other = shelf_name("other_shelf", request.other_shelf)
        except Invalid as error:
            await refuse(context, error)
        book = await self._existing_book(request.name, context)
        await self._existing_shelf(other, context)
        new_name = f"{other}/books/{book_id}"
        if new_name == request.name:
            return self._shown(book)
        if new_name in self.books:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "There is a book of this id on the other shelf.")
        del self.books[request.name]
        book.name = new_name
        self.books[new_name] = book
        return self._shown(book)

    async def SearchBooks(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            check_text("query", request.query, 100)
            if len(request.query) < 3:
                raise Invalid("query", "has less than 3 characters")
        except Invalid as error:
            await refuse(context, error)
        query = request.query.casefold()
        found = 0
        for book in sorted(self.books.values(), key=lambda one: one.name):
            if request.limit and found >= request.limit:
                return
            if any(query in text.casefold() for text in (book.title, *book.authors)):
                found += 1
                yield self._shown(book)
