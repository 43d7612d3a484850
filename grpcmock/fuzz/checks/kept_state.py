"""What a server keeps: what was made is there, what was deleted isn't, and pages and masks do what they say.

The judges tell the calls of a case to a model, which knows what must be there. They look at the stateful phase alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check, CheckFunction
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.resources.state_model import StateModel

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult


def _judge(code: str) -> CheckFunction:
    def evaluate(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
        model = StateModel(resources_of(expectations.registry, expectations.links), documented=expectations.documented)
        told: set[str] = set()
        for reply in result.replies[: len(case.calls)]:
            for finding in model.take(reply):
                if finding.code == code and finding.key not in told:
                    told.add(finding.key)
                    yield finding

    return evaluate


def _check(code: str, name: str, severity: Severity, title: str, page: str) -> Check:
    return Check(code=code, name=name, severity=severity, title=title, evaluate=_judge(code), targeted=True, page=page)


CHECKS = (
    _check(
        "G128",
        "idempotency",
        Severity.MEDIUM,
        "NO_SIDE_EFFECTS and IDEMPOTENT methods are what they say; a repeated request id repeats the answer.",
        """\
Clients, proxies and gRPC's own retries repeat what the contract calls `NO_SIDE_EFFECTS` or `IDEMPOTENT`, and a request
with a `request_id` (AIP-155) is repeated because its first answer was lost. Looked at: the fields that only the server
sets, over reads in a row; an idempotent update made twice in a row; a creation repeated with the same request id.
""",
    ),
    _check(
        "G129",
        "read_after_write",
        Severity.HIGH,
        "What was created or updated is what Get and List give.",
        """\
A column that was forgotten, a cache that isn't refreshed, a write that happens later or never. Compared is what the
answer to the writing said with what reads say after it, without fields that are OUTPUT_ONLY or INPUT_ONLY; in lists,
which may show less, only where both have a value.
""",
    ),
    _check(
        "G130",
        "use_after_delete",
        Severity.HIGH,
        "What was deleted is NOT_FOUND, or shown as deleted (AIP-135, AIP-164).",
        """\
Get, List, Update and BatchGet are asked for what a Delete has removed. A resource that carries a `delete_time`, or a
state that says so, is deleted softly and may be shown. A second Delete must be NOT_FOUND where the contract mentions
that code.
""",
    ),
    _check(
        "G131",
        "leak_on_failure",
        Severity.MEDIUM,
        "A creation that failed left nothing.",
        """\
A row that was written before the request was checked, half of an import that was refused or cancelled. The id that the
failed request chose is looked up after it; that there was nothing before is made sure of first.
""",
    ),
    _check(
        "G132",
        "parent_confusion",
        Severity.HIGH,
        "What stands below one parent is not found below another.",
        """\
A server that looks only at the last id of a name serves `users/eve/notes/1` to whom asks for `users/mallory/notes/1`:
where access is granted by parent, that is a hole in it.
""",
    ),
    _check(
        "G133",
        "duplicate_create",
        Severity.MEDIUM,
        "The same id twice is ALREADY_EXISTS (AIP-133).",
        "A second creation with an id that exists overwrites somebody's resource, or makes two with one name.\n",
    ),
    _check(
        "G134",
        "pagination",
        Severity.MEDIUM,
        "All pages together are the whole, each item once; bad sizes and tokens are refused; the last has no token.",
        """\
AIP-158: a negative `page_size` and a `page_token` that the server hasn't given are INVALID_ARGUMENT, each resource is
on one page, and an empty `next_page_token` is the only sign of the end.
""",
    ),
    _check(
        "G135",
        "field_mask",
        Severity.MEDIUM,
        "An update changes the fields that its mask names and no others; a path that names no field is refused.",
        """\
AIP-134 and AIP-161. A client that knows half of the fields sends a mask in order to leave the rest alone.
""",
    ),
    _check(
        "G143",
        "object_authorization",
        Severity.CRITICAL,
        "A second identity can't read, list, change or delete what the first one made.",
        """\
The server knows who calls, and doesn't ask whose the object is. Needs credentials (`-H`) and `--other-identity`. Where
all callers may see everything, switch it off: `--exclude-checks G143`.
""",
    ),
)
