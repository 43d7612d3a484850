"""Updates and deletions: what they change, what they leave alone, and what can't be done to what is gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import MethodOptions

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources import masks
from grpcmock.fuzz.resources.differences import is_set
from grpcmock.fuzz.resources.evidence import means
from grpcmock.fuzz.resources.given_values import losses
from grpcmock.fuzz.resources.known_resources import (
    KnownResource,
    differ,
    finding,
    given_by,
    is_another,
    is_tombstone,
    must_stay,
)
from grpcmock.fuzz.resources.laws import etags
from grpcmock.fuzz.resources.laws.masked import MaskConduct
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.known_resources import KnownResources
    from grpcmock.fuzz.resources.laws.families import Families


class UpdateRules:
    """The part of a model that hears of updates and deletions."""

    def __init__(self, memory: KnownResources, families: Families) -> None:
        self._memory = memory
        self._families = families
        self._conduct = MaskConduct()

    def update(self, step: ResourceCall) -> Iterator[Finding]:
        key, paths = step.at(step.operation.key), masks.paths_of(step)
        yield from self._of_masks(step, key, paths)
        known = self._memory.find(step.resource, key)
        if not step.is_ok:
            yield from self._not_updated(step, known, key, paths)
            return
        self._memory.walks.disturb()
        made_anew = step.named(step.operation.allow_missing) and (known is None or not known.is_there)
        if not made_anew and (wrong := masks.unknown(step, paths)):  # else the mask is ignored (AIP-134)
            yield finding(
                step,
                "field_mask",
                f"INVALID_ARGUMENT: {step.resource.name} has no field {wrong!r}",
                said(step.reply),
                path=step.operation.mask,
                key="unknown path",
            )
        if made_anew and known is not None:  # else it may have been there
            self._families.placed(step, key)
        if known is None:
            return
        if not known.alive:
            if self._may_make(step) and not known.is_chosen:
                self._memory.forget(step.resource, key)
                return
            if self._may_make(step):
                # It was made by that: then it is there from now on.
                why, shown = f"{step.operation.method.name} answered OK", next(iter(step.resources()), None)
                made = KnownResource(step.resource, key, True, why, by=step.operation.method, message=shown)
                made.is_chosen = known.is_chosen
                self._memory.put(made)
                return
            if known.deleted and known.sure and not step.named(step.operation.allow_missing):
                answers = step.resources()
                if known.is_chosen or (answers and not is_another(known, _before(answers[0], known, step, paths))):
                    yield finding(step, "use_after_delete", f"NOT_FOUND for {key!r}: {known.why}", said(step.reply))
            self._memory.forget(step.resource, key)
            return
        yield from self._out_of_date(step, known)
        yield from self._updated(step, known, paths)

    def _of_masks(self, step: ResourceCall, key: Any, paths: Sequence[str]) -> Iterator[Finding]:
        """Compare how masks are taken with how they were taken before."""
        given = step.at(step.operation.given)
        if step.is_ok and given is not None and not step.is_foreign:
            known = self._memory.find(step.resource, key)
            old = known.message if known is not None and known.is_there else None
            yield from self._conduct.taken(step, key, given, paths, old)
        elif not step.is_ok:
            self._conduct.refused(step, key, given, paths, step.resource.fixed | step.resource.hidden)

    def _not_updated(
        self, step: ResourceCall, known: KnownResource | None, key: Any, paths: Sequence[str]
    ) -> Iterator[Finding]:
        if not step.is_refused or step.reply.code in (Code.UNKNOWN, Code.INTERNAL, Code.ABORTED):
            self._memory.doubt(step.resource, key)
        elif step.reply.code == Code.NOT_FOUND and known is not None and known.is_there and means(step, known):
            expected = f"the {known.resource.name} {key!r}: {known.why}"
            yield finding(step, "read_after_write", expected, said(step.reply), key="missing")
        elif step.reply.code == Code.INVALID_ARGUMENT and self._was_taken(step, paths):
            expected = f"the update taken, as before: only what the mask ({', '.join(paths)}) leaves out is missing"
            yield finding(step, "field_mask", expected, said(step.reply), path=step.operation.mask, key="refused")

    def _may_make(self, step: ResourceCall) -> bool:
        """Whether an update may make what isn't there: where neither annotations nor the contract's words say no."""
        documented = self._memory.documented.get(step.operation.method.full_name, frozenset())
        return not step.resource.is_annotated and Code.NOT_FOUND not in documented

    def _updated(self, step: ResourceCall, known: KnownResource, paths: Sequence[str]) -> Iterator[Finding]:
        given = step.at(step.operation.given)
        answers = step.resources()
        answer = answers[0] if answers and known.sure else None
        wrong = list(self._idempotent(step, known, answer))
        touched = masks.touched(given, paths)
        if answer is not None and known.message is not None and given is not None:
            for words in (
                *masks.contradictions(step.resource, known.message, given, answer, paths),
                *masks.of_immutable(step.resource, known.message, given, paths),
            ):
                if not step.resource.is_marked and words[3].partition(".")[0] not in known.written:
                    continue  # it may be the server's own
                wrong.append(finding(step, *words))
                break
        if answer is not None and known.message is not None and given is not None and not wrong:
            wrong += self._conduct.cleared(step, known.message, given, answer, paths)
        if answer is not None and given is not None and not wrong:
            wrong += self._taken_over(step, given, answer, paths)
        yield from wrong
        if answer is None and known.message is not None and given is not None:
            answer = masks.merged(known.message, given, paths)
        known.written |= given_by(given, answer) & touched
        known.is_as_made, known.is_settled, known.is_quiet = False, known.is_settled or answers != [], True
        if known.message is not None:
            known.past_etags |= {etags.etag_of(known.message)}
        known.message, known.given = answer, None
        known.masked = touched if paths and "*" not in paths else frozenset()
        known.empty = frozenset(name for name in touched if paths) if answer is not None else frozenset()
        known.why = f"{step.operation.method.name} changed it"
        known.by = step.operation.method
        known.reads = []

    def _out_of_date(self, step: ResourceCall, known: KnownResource) -> Iterator[Finding]:
        """Who changes a thing must know how it is, where the request says how it was known."""
        documented = self._memory.documented.get(step.operation.method.full_name, frozenset())
        if etags.is_stale(step, known, documented):
            expected = (
                f"ABORTED or FAILED_PRECONDITION: the etag is that of {known.key!r} before it was changed (AIP-154)"
            )
            yield finding(step, "read_after_write", expected, said(step.reply), path=etags.ETAG, key="etag")

    def _taken_over(
        self, step: ResourceCall, given: Message, answer: Message, paths: Sequence[str]
    ) -> Iterator[Finding]:
        """What an update names, or sets where it has no mask, is in its answer as it was given."""
        if any(path == "*" or "." in path for path in paths):
            return
        names, named = masks.touched(given, paths), type(given)()
        named.CopyFrom(given)
        for field, _ in given.ListFields():
            if field.name not in names:
                named.ClearField(field.name)
        exact = bool(paths) and step.resource.is_annotated
        for lost in losses(step.resource, named, answer, exact=exact):
            expected = f"{lost.expected}: the update says so"
            yield finding(step, "read_after_write", expected, lost.actual, path=lost.path, key=f"given {lost.path}")
            return

    def _was_taken(self, step: ResourceCall, paths: Sequence[str]) -> bool:
        """Whether the call before was the same update, but for fields of the resource that the mask doesn't name."""
        last, key, given = self._memory.last, step.operation.key, step.at(step.operation.given)
        if last is None or last.operation is not step.operation or not last.is_ok or not paths or given is None:
            return False
        before = last.at(step.operation.given)
        if before is None or masks.paths_of(last) != paths or last.at(key) != step.at(key):
            return False
        named = {path.partition(".")[0] for path in paths}
        if masks.unknown(step, paths) or "*" in named:
            return False
        return all(getattr(before, name) == getattr(given, name) for name in named)

    def _idempotent(self, step: ResourceCall, known: KnownResource, answer: Message | None) -> Iterator[Finding]:
        """The same change made twice in a row gives what it gave before."""
        last = self._memory.last
        level = step.operation.method.descriptor.GetOptions().idempotency_level
        if last is None or answer is None or level != MethodOptions.IDEMPOTENT or not last.is_ok or last.is_foreign:
            return
        if last.operation is not step.operation or last.request != step.request or known.message is None:
            return
        for path, expected, actual in differ(step.resource, known.message, answer):
            if not must_stay(known, path.partition(".")[0]):
                continue
            expected = f"{path} {expected} as before: {step.operation.method.name} is idempotent"
            yield finding(step, "idempotency", expected, f"{path} {actual}", path=path)
            return

    # Deleting -------------------------------------------------------------------------------------------

    def delete(self, step: ResourceCall) -> Iterator[Finding]:
        resource, key = step.resource, step.at(step.operation.key)
        known = self._memory.find(resource, key)
        name = step.operation.method.name
        if step.is_ok:
            self._memory.walks.disturb()
            if known is not None and self._is_repeated(step, known):
                documented = self._memory.documented.get(step.operation.method.full_name, frozenset())
                if Code.NOT_FOUND in documented and not any(map(is_tombstone, step.resources())):
                    yield finding(
                        step, "use_after_delete", f"NOT_FOUND for {key!r}: {known.why}", said(step.reply), key="twice"
                    )
            if known is not None:
                yield from self._out_of_date(step, known)
            if step.operation.role is Role.EXPUNGE and (known is None or not known.deleted):
                self._memory.forget(resource, key)  # a queue that is purged is empty, and there
                return
            if not key and key != 0:
                return  # no thing has an empty key
            gone = KnownResource(resource, key, False, f"{name} deleted it", deleted=True)
            gone.is_chosen = known is not None and known.is_chosen
            gone.message = known.message if known is not None and known.sure else None
            gone.message = gone.message or next(iter(step.resources()), None)
            self._memory.put(gone)
            yield from self._families.deleted(step, resource, key)
            self._memory.requests = {}
        elif step.is_refused and step.reply.code == Code.NOT_FOUND:
            if known is not None and known.is_there and means(step, known):
                yield finding(
                    step,
                    "read_after_write",
                    f"the {resource.name} {key!r}: {known.why}",
                    said(step.reply),
                    key="missing",
                )
            elif known is None or not (known.failed or known.is_there):
                self._memory.put(KnownResource(resource, key, False, "it wasn't there"))
        elif not step.is_refused or step.reply.code in (Code.UNKNOWN, Code.INTERNAL):
            self._memory.doubt(resource, key)

    def _is_repeated(self, step: ResourceCall, known: KnownResource) -> bool:
        """Whether a deletion is one too many, for certain: nobody else can have made what it deletes meanwhile."""
        role = step.operation.role
        if not known.deleted or not known.sure or step.named(step.operation.allow_missing) or role is Role.EXPUNGE:
            return False
        last = self._memory.last
        just_now = last is not None and last.operation is step.operation and last.at(step.operation.key) == known.key
        # Of what was never there, an OK says that it is gone, as the second one does.
        return known.is_chosen or (just_now and known.message is not None)

    def move(self, step: ResourceCall) -> Iterator[Finding]:
        """One was put below another parent: there it is as it was, and under its old key there is nothing."""
        resource, key = step.resource, step.at(step.operation.key)
        known, name = self._memory.find(resource, key), step.operation.method.name
        if not step.is_ok:
            if not step.is_refused or step.reply.code in (Code.UNKNOWN, Code.INTERNAL):
                self._memory.doubt(resource, key)
            return
        self._memory.walks.disturb()
        self._families.placed(step)
        answer = next(iter(step.resources()), None)
        new = getattr(answer, resource.key) if answer is not None else None
        self._memory.forget(resource, key)
        if known is None or not known.is_there or answer is None or not new or new == key:
            return
        yield from self._families.deleted(step, resource, key)
        for path, expected, actual in differ(resource, known.message, answer) if known.message is not None else ():
            yield finding(step, "read_after_write", f"{path} {expected}, as before", f"{path} {actual}", path=path)
            break
        gone = KnownResource(resource, key, False, f"{name} moved it to {new!r}", message=known.message, deleted=True)
        moved = KnownResource(resource, new, True, f"{name} moved it there", by=step.operation.method, message=answer)
        moved.parent = resource.parent_of(new) or step.at(step.operation.parent)
        gone.is_chosen = moved.is_chosen = known.is_chosen
        self._memory.put(gone)
        self._memory.put(moved)

    def undelete(self, step: ResourceCall) -> Iterator[Finding]:
        key = step.at(step.operation.key)
        if step.is_ok:
            self._memory.walks.disturb()
            known = self._memory.find(step.resource, key)
            self._memory.forget(step.resource, key)
            if known is not None and known.deleted and known.sure and known.message is not None:
                yield from self._brought_back(step, known)
        elif not step.is_refused or step.reply.code in (Code.UNKNOWN, Code.INTERNAL):
            self._memory.doubt(step.resource, key)

    def _brought_back(self, step: ResourceCall, known: KnownResource) -> Iterator[Finding]:
        """What is brought back is what was deleted (AIP-164)."""
        if not step.resource.is_annotated or known.message is None:
            return
        for shown in step.resources():
            if is_tombstone(shown):
                return
            for path, expected, actual in differ(step.resource, known.message, shown):
                expected = f"{path} {expected}, as when it was deleted"
                yield finding(step, "read_after_write", expected, f"{path} {actual}", path=path)
                return
        why = f"{step.operation.method.name} brought it back"
        back = KnownResource(step.resource, known.key, True, why, by=step.operation.method, message=known.message)
        back.is_chosen = known.is_chosen
        self._memory.put(back)


def _before(shown: Message, known: KnownResource, step: ResourceCall, paths: Sequence[str]) -> Message:
    """Give what was updated as it was before, where the answer shows it: without what the update was about."""
    before = type(shown)()
    before.CopyFrom(shown)
    descriptor: Any = shown.DESCRIPTOR
    for name in masks.touched(step.at(step.operation.given), paths):
        if known.message is not None and name in descriptor.fields_by_name:
            before.ClearField(name)
            field = descriptor.fields_by_name[name]
            if is_set(known.message, field):
                before.MergeFrom(type(before)(**{name: getattr(known.message, name)}))
    return before
