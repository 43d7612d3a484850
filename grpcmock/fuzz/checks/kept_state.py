"""What a server keeps: what was made is there, what was deleted isn't, and pages and masks do what they say.

The checks tell the calls of a case to a model, which knows what must be there. They look at the stateful phase alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check, Promise
from grpcmock.fuzz.checks.new_names import taken_though_new
from grpcmock.fuzz.checks.refused_names import taken_though_refused
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.readable import is_readable
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.resources.laws.absent import Absent
from grpcmock.fuzz.resources.laws.ages import Ages
from grpcmock.fuzz.resources.laws.aliases import Aliases
from grpcmock.fuzz.resources.laws.asked_orders import AskedOrders
from grpcmock.fuzz.resources.laws.child_counts import ChildCounts
from grpcmock.fuzz.resources.laws.child_sums import ChildSums
from grpcmock.fuzz.resources.laws.contents import Contents
from grpcmock.fuzz.resources.laws.continuations import Continuations
from grpcmock.fuzz.resources.laws.criteria import Criteria
from grpcmock.fuzz.resources.laws.done_twice import DoneTwice
from grpcmock.fuzz.resources.laws.echoes import Echoes
from grpcmock.fuzz.resources.laws.effects import Effects
from grpcmock.fuzz.resources.laws.etags import Etags
from grpcmock.fuzz.resources.laws.flags import Flags
from grpcmock.fuzz.resources.laws.free_again import FreeAgain
from grpcmock.fuzz.resources.laws.freed_names import FreedNames
from grpcmock.fuzz.resources.laws.given_back import GivenBack
from grpcmock.fuzz.resources.laws.lent_items import LentItems
from grpcmock.fuzz.resources.laws.loans import Loans
from grpcmock.fuzz.resources.laws.never_again import NeverAgain
from grpcmock.fuzz.resources.laws.numbering import Numbering
from grpcmock.fuzz.resources.laws.one_at_a_time import HasOne
from grpcmock.fuzz.resources.laws.operations import Operations
from grpcmock.fuzz.resources.laws.orders import Orders
from grpcmock.fuzz.resources.laws.own_keys import OwnKeys
from grpcmock.fuzz.resources.laws.pages import Pages
from grpcmock.fuzz.resources.laws.promised import Promised
from grpcmock.fuzz.resources.laws.ranges import Ranges
from grpcmock.fuzz.resources.laws.repeats import Repeats
from grpcmock.fuzz.resources.laws.replaced import Replaced
from grpcmock.fuzz.resources.laws.searches import Searches
from grpcmock.fuzz.resources.laws.selections import Selections
from grpcmock.fuzz.resources.laws.shared_names import SharedNames
from grpcmock.fuzz.resources.laws.sizes import Sizes
from grpcmock.fuzz.resources.laws.soft_deletion import SoftDeletion
from grpcmock.fuzz.resources.laws.states import States
from grpcmock.fuzz.resources.laws.summaries import Summaries
from grpcmock.fuzz.resources.laws.taken_twice import TakenTwice
from grpcmock.fuzz.resources.laws.tallies import Tallies
from grpcmock.fuzz.resources.laws.times import Times
from grpcmock.fuzz.resources.laws.totals import Totals
from grpcmock.fuzz.resources.laws.unread_queries import UnreadQueries
from grpcmock.fuzz.resources.laws.versions import Versions
from grpcmock.fuzz.resources.laws.views import Views
from grpcmock.fuzz.resources.state_model import StateModel

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult


_BY_ANOTHER = frozenset({"leak_on_failure"})
"""Checks that blame a method for the status of another one."""


class _Laws:
    """Tells the calls of a case to all laws, once for all the checks that ask one after the other."""

    def __init__(self) -> None:
        self._latest: tuple[Case, CaseResult, Expectations, list[Finding]] | None = None

    def findings(self, case: Case, result: CaseResult, expectations: Expectations) -> list[Finding]:
        """Return all that is wrong with what was seen of a case."""
        latest = self._latest
        if latest is None or latest[0] is not case or latest[1] is not result or latest[2] is not expectations:
            latest = self._latest = case, result, expectations, list(_told(case, result, expectations))
        return latest[3]


def _told(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    registry = expectations.registry
    resources = resources_of(registry, expectations.links)
    laws = (
        StateModel(resources, documented=expectations.documented),
        *(Times(resources), Etags(resources), SoftDeletion(resources), Echoes(resources), Aliases(resources)),
        *(Loans(registry), Effects(), Flags(), Contents(), Selections(), Totals(registry, resources)),
        *(Continuations(resources), Searches(registry, resources), Summaries(), Views(), Ranges()),
        *(Sizes(resources), Operations()),
        *(Promised(registry), Absent(case), LentItems(registry), SharedNames(resources)),
        *(FreedNames(resources), States(registry, resources), Criteria(registry), GivenBack(resources)),
        *(Tallies(registry), Numbering(registry), ChildCounts(registry), ChildSums(registry), NeverAgain(registry)),
        *(Versions(registry, resources), Orders(registry), AskedOrders(registry), Ages(registry)),
        *(OwnKeys(resources), UnreadQueries(registry), Repeats(), Pages(registry), TakenTwice(), Replaced(registry)),
        *(HasOne(registry), FreeAgain(registry), DoneTwice(registry)),
    )
    for reply in takewhile(is_readable, result.replies[: len(case.calls)]):  # none knows what the others have done
        for law in laws:
            yield from law.take(reply)
    yield from taken_though_new(case, result)
    yield from taken_though_refused(case, result)


_LAWS = _Laws()


def _check(code: str, name: str, severity: Severity, title: str) -> Check:
    def evaluate(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
        told: dict[str, Finding] = {}
        for finding in _LAWS.findings(case, result, expectations):
            if finding.check == name:
                told.setdefault(finding.key, finding)
        yield from told.values()

    return Check(
        code=code,
        name=name,
        severity=severity,
        title=title,
        evaluate=evaluate,
        targeted=True,
        promises=() if name in _BY_ANOTHER else (Promise.NAMED,),
        concerns_security=name == "object_authorization",
        reads=frozenset({"links"}),
    )


CHECKS = (
    _check(
        "G128",
        "idempotency",
        Severity.MEDIUM,
        "NO_SIDE_EFFECTS and IDEMPOTENT methods are what they say; a repeated request id repeats the answer.",
    ),
    _check("G129", "read_after_write", Severity.HIGH, "What was created or updated is what Get and List give."),
    _check(
        "G130",
        "use_after_delete",
        Severity.HIGH,
        "What was deleted is NOT_FOUND, or shown as deleted (AIP-135, AIP-164).",
    ),
    _check("G131", "leak_on_failure", Severity.MEDIUM, "A call that failed left nothing."),
    _check(
        "G132",
        "parent_confusion",
        Severity.HIGH,
        "What stands below one parent is not found below another, and nothing below one that isn't there.",
    ),
    _check(
        "G133",
        "duplicate_create",
        Severity.MEDIUM,
        "The same id twice is ALREADY_EXISTS (AIP-133), and a new one isn't.",
    ),
    _check(
        "G134",
        "pagination",
        Severity.MEDIUM,
        "All pages together are the whole, each item once; bad sizes and tokens are refused; the last has no token.",
    ),
    _check(
        "G135",
        "field_mask",
        Severity.MEDIUM,
        "An update changes the fields that its mask names and no others; a path that names no field is refused.",
    ),
    _check(
        "G153",
        "preconditions",
        Severity.MEDIUM,
        "A call is refused in the states in which its comment says so, and for no state that a thing isn't in.",
    ),
    _check(
        "G143",
        "object_authorization",
        Severity.CRITICAL,
        "A second identity can't read, list, change or delete what the first one made.",
    ),
)
