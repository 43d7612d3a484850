# ruff: noqa: A002
# As protoc's --pyi_out writes it, abridged.
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

class GetUserRequest(Message):
    id: int
    def __init__(self, id: int | None = ...) -> None: ...

class ListUsersRequest(Message):
    page: int
    def __init__(self, page: int | None = ...) -> None: ...

class UserResponse(Message):
    id: int
    name: str
    def __init__(self, id: int | None = ..., name: str | None = ...) -> None: ...

class BatchResult(Message):
    created: int
    ids: Any
    def __init__(self, created: int | None = ..., ids: Iterable[int] | None = ...) -> None: ...
