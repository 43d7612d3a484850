"""The messages of ``protos/user.proto``, and the way from its methods to the coroutines that answer them.

The proto is compiled when this is imported, so that no generated code lies around, and into a pool of its own, so that
a program with other versions of the same proto can import it, too.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_tools import protoc

SERVICE = "user.UserService"

_ROOT = Path(__file__).parents[2] / "protos"


def _compiled() -> descriptor_pool.DescriptorPool:
    """Compile the proto; the services that come along are in the pool, too, so that reflection can describe them."""
    with tempfile.TemporaryDirectory(prefix="users-") as folder:
        out = Path(folder, "user.binpb")
        if protoc.main(["protoc", f"-I{_ROOT}", "--include_imports", f"--descriptor_set_out={out}", "user.proto"]):
            raise ImportError(f"{_ROOT / 'user.proto'} doesn't compile.")
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.AddSerializedFile(file.SerializeToString())
    for module in (health_pb2, reflection_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    return pool


POOL = _compiled()


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"user.{name}"))


GetUserRequest = _message("GetUserRequest")
UserResponse = _message("UserResponse")
ListUsersRequest = _message("ListUsersRequest")
CreateUserRequest = _message("CreateUserRequest")
BatchResult = _message("BatchResult")


def handlers(service: Any) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
    """Give the handlers of *service*, an object with a coroutine for each method, by the methods' simple names."""
    user = UserResponse.SerializeToString
    return {
        "GetUser": grpc.unary_unary_rpc_method_handler(service.get_user, GetUserRequest.FromString, user),
        "ListUsers": grpc.unary_stream_rpc_method_handler(service.list_users, ListUsersRequest.FromString, user),
        "CreateUsers": grpc.stream_unary_rpc_method_handler(
            service.create_users, CreateUserRequest.FromString, BatchResult.SerializeToString
        ),
        "LookupUsers": grpc.stream_stream_rpc_method_handler(service.lookup_users, GetUserRequest.FromString, user),
    }
