"""What a server keeps: resources and their methods as the protos tell of them, and what must be true of them."""

from grpcmock.fuzz.stateful.inference import resources_of
from grpcmock.fuzz.stateful.resources import Operation, Resource, Resources, Role

__all__ = ["Operation", "Resource", "Resources", "Role", "resources_of"]
