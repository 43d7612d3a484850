"""What goes wrong with resources again and again, as cases: one function for each role that a method can have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.phases.stateful import create_scenarios as creating
from grpcmock.fuzz.phases.stateful import read_scenarios as reading
from grpcmock.fuzz.phases.stateful import update_scenarios as changing
from grpcmock.fuzz.resources.resource import Operation, Resource, Role

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory


def cases(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield the cases about one method."""
    maker = _MAKERS.get(operation.role)
    if maker is not None:
        yield from maker(resource, operation, factory)


_MAKERS: dict[Role, Callable[[Resource, Operation, ResourceFactory], Iterator[Case]]] = {
    Role.CREATE: creating.create,
    Role.IMPORT: creating.import_,
    Role.GET: reading.get,
    Role.BATCH_GET: reading.get_several,
    Role.LOOKUP: reading.get_several,
    Role.LIST: reading.list_pages,
    Role.EXPORT: reading.list_pages,
    Role.UPDATE: changing.update,
    Role.DELETE: changing.delete,
    Role.UNDELETE: changing.undelete,
}
