"""What goes wrong with resources again and again, as cases: one function for each role that a method can have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.phases.interleaving import alternating
from grpcmock.fuzz.phases.stateful import create_scenarios, lifecycle_scenarios, read_scenarios, update_scenarios

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.fuzz.resources.resource import Operation, Resource


def cases(resource: Resource, operation: Operation, factory: ResourceFactory) -> Iterator[Case]:
    """Yield the cases about one method."""
    makers = _MAKERS.get(operation.role, ())
    yield from alternating([maker(resource, operation, factory) for maker in makers])


_MAKERS: dict[Role, tuple[Callable[[Resource, Operation, ResourceFactory], Iterator[Case]], ...]] = {
    Role.CREATE: (lifecycle_scenarios.create, create_scenarios.create),
    Role.IMPORT: (create_scenarios.import_,),
    Role.GET: (read_scenarios.get,),
    Role.BATCH_GET: (read_scenarios.get_several,),
    Role.LOOKUP: (read_scenarios.get_several,),
    Role.LIST: (read_scenarios.list_pages,),
    Role.EXPORT: (read_scenarios.list_pages,),
    Role.UPDATE: (update_scenarios.update,),
    Role.MOVE: (lifecycle_scenarios.move,),
    Role.DELETE: (update_scenarios.delete,),
    Role.UNDELETE: (update_scenarios.undelete,),
    Role.EXPUNGE: (update_scenarios.expunge,),
}
