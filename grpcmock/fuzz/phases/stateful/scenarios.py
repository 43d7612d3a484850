"""What goes wrong with resources again and again, as trials: one function for each role that a method can have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.resources.resource import Operation, Resource, Role
from grpcmock.fuzz.phases.stateful.stateful_phase import update_scenarios as changing
from grpcmock.fuzz.phases.stateful.stateful_phase import create_scenarios as creating
from grpcmock.fuzz.phases.stateful.stateful_phase import read_scenarios as reading

if TYPE_CHECKING:
    from grpcmock.fuzz.phases.stateful.resource_factory import World
    from grpcmock.fuzz.model.cases import Trial


def trials(resource: Resource, operation: Operation, world: World) -> Iterator[Trial]:
    """Yield the trials about one method."""
    maker = _MAKERS.get(operation.role)
    if maker is not None:
        yield from maker(resource, operation, world)


_MAKERS: dict[Role, Callable[[Resource, Operation, World], Iterator[Trial]]] = {
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
