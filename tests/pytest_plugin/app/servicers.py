"""Servers of ``protos/user.proto`` that keep the contract, and some that don't."""

from __future__ import annotations

import grpc
from user_pb2 import BatchResult, UserResponse
from user_pb2_grpc import UserServiceServicer


class Users(UserServiceServicer):
    """A server of ``grpc.aio`` that is right."""

    async def GetUser(self, request, context):
        if not 0 < request.id <= 100:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such user.")
        return UserResponse(id=request.id, name="Alice")

    async def ListUsers(self, request, context):
        if request.page < 0 or request.page_size < 0:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Pages count from 1.")
        for number in range(min(request.page_size or 3, 10)):
            yield UserResponse(id=number + 1, name="Alice")

    async def CreateUsers(self, requests, context):
        return BatchResult(created=len([request async for request in requests]))

    async def LookupUsers(self, requests, context):
        async for request in requests:
            yield UserResponse(id=request.id, name="Alice")


class Buggy(Users):
    """One bug in each kind of method."""

    async def GetUser(self, request, context):
        if request.id > 1000:
            raise RuntimeError("boom")
        return await super().GetUser(request, context)

    async def ListUsers(self, request, context):
        pages = 30 // request.page_size if request.page_size > 0 else 1
        if pages < 3:
            raise KeyError(pages)
        async for user in super().ListUsers(request, context):
            yield user

    async def CreateUsers(self, requests, context):
        created = [request async for request in requests]
        return BatchResult(created=len(created), ids=[len(created) // sum(one.name != "" for one in created)])

    async def LookupUsers(self, requests, context):
        async for request in requests:
            yield UserResponse(id=request.id)
            if request.id < 0:
                raise RuntimeError("boom")


class Plain(UserServiceServicer):
    """A synchronous server that is right."""

    def GetUser(self, request, context):
        if not 0 < request.id <= 100:
            context.abort(grpc.StatusCode.NOT_FOUND, "There is no such user.")
        return UserResponse(id=request.id, name="Alice")

    def ListUsers(self, request, context):
        yield from (UserResponse(id=number + 1) for number in range(3))

    def CreateUsers(self, requests, context):
        return BatchResult(created=sum(1 for _ in requests))

    def LookupUsers(self, requests, context):
        for request in requests:
            yield UserResponse(id=request.id)


class PlainBuggy(Plain):
    def GetUser(self, request, context):
        if request.id > 1000:
            raise RuntimeError("boom")
        return super().GetUser(request, context)
