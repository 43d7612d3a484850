"""The four methods of the user service: what they take, what they refuse, and in which words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from typing import Any, NoReturn, TypeVar

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from examples.users.protocol import BatchResult, UserResponse
from examples.users.store import FullError, Store, User

MAX_PAGE = 50
"""Users on one page at most."""

MAX_BATCH = 1000
"""Users that one call can create."""

MAX_NAME = 100
"""Characters of a name."""

_DETAILS = "grpc-status-details-bin"

_T = TypeVar("_T")
_Context = grpc.aio.ServicerContext[Any, Any]


class InvalidError(Exception):
    """A request that can't be meant: the field that is wrong, and what is wrong with it."""

    def __init__(self, field: str, what: str, message: str = "") -> None:
        super().__init__(message or what)
        self.field = field
        self.what = what


class UserService:
    """Answers from a store. SQLite blocks, so all that asks it runs in *executor*, the one thread that owns it."""

    def __init__(self, store: Store, executor: Executor, *, page_size: int = 10) -> None:
        self._store = store
        self._executor = executor
        self._page_size = page_size

    async def get_user(self, request: Any, context: _Context) -> Any:
        try:
            return await self._find(request.id, context)
        except InvalidError as error:
            await _refuse(context, error)

    async def list_users(self, request: Any, context: _Context) -> AsyncIterator[Any]:
        try:
            number, size = self._page(request)
        except InvalidError as error:
            await _refuse(context, error)
        for user in await self._ask(lambda: self._store.page(number, size)):
            yield _response(user)

    async def create_users(self, requests: AsyncIterator[Any], context: _Context) -> Any:
        users: list[tuple[str, str]] = []
        try:
            async for request in requests:
                users.append(_checked(request))
                if len(users) > MAX_BATCH:
                    await context.abort(
                        grpc.StatusCode.RESOURCE_EXHAUSTED, f"One call creates {MAX_BATCH} users at most."
                    )
            ids = await self._ask(lambda: self._store.create(users))
        except InvalidError as error:
            await _refuse(context, error)
        except FullError:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "There are no ids left.")
        return BatchResult(created=len(ids), ids=ids)

    async def lookup_users(self, requests: AsyncIterator[Any], context: _Context) -> AsyncIterator[Any]:
        try:
            async for request in requests:
                yield await self._find(request.id, context)
        except InvalidError as error:
            await _refuse(context, error)

    async def _find(self, user: int, context: _Context) -> Any:
        if user < 0:
            raise InvalidError("id", "An id is not negative.")
        found, reserved = await self._ask(lambda: (self._store.get(user), self._store.is_reserved(user)))
        if reserved:
            raise InvalidError("id", f"{user} is reserved", f"id {user} is reserved")
        if found is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "User not found")
        return _response(found)

    def _page(self, request: Any) -> tuple[int, int]:
        if request.page < 0:
            raise InvalidError("page", "Pages count from 1.")
        if request.page_size < 0:
            raise InvalidError("page_size", "A page holds 1 user at least.")
        if request.page_size > MAX_PAGE:
            raise InvalidError("page_size", f"A page holds {MAX_PAGE} users at most.")
        return request.page or 1, request.page_size or self._page_size

    async def _ask(self, function: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)


def _checked(request: Any) -> tuple[str, str]:
    """Give the name and the email of a user to be. Raises :class:`InvalidError`."""
    name, email = request.name.strip(), request.email.strip()
    if not name:
        raise InvalidError("name", "A user needs a name.")
    if len(name) > MAX_NAME:
        raise InvalidError("name", f"A name has {MAX_NAME} characters at most.")
    before, at, domain = email.rpartition("@")
    if email and not (before and at and domain):
        raise InvalidError("email", "An email is written like someone@example.com.")
    return name, email


def _response(user: User) -> Any:
    return UserResponse(id=user.id, name=user.name, email=user.email)


async def _refuse(context: _Context, error: InvalidError) -> NoReturn:
    """End the call with INVALID_ARGUMENT, and with the field as a rich detail (google.rpc.BadRequest)."""
    violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.what)
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    code = grpc.StatusCode.INVALID_ARGUMENT
    status = status_pb2.Status(code=code.value[0], message=str(error), details=[detail])
    await context.abort(code, str(error), ((_DETAILS, status.SerializeToString()),))
    raise AssertionError("abort() raises")
