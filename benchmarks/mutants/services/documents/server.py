"""Documents on ``grpc.aio``: soft deletion, etags, request ids, revisions, long-running operations."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("documents.v1beta1.DocumentService",)
pb = Messages("documents", "documents.v1beta1")

PROJECT = re.compile(r"projects/[a-z][a-z0-9-]{2,61}[a-z0-9]")
DOCUMENT_ID = re.compile(r"[a-z][a-z0-9-]{2,61}[a-z0-9]")
UUID4 = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}")
READER = re.compile(r"(user|group):[^\s:]{1,100}")
UPDATED = ("display_name", "text", "readers", "annotations", "layout", "rank")
OUTPUT_ONLY = ("uid", "etag", "create_time", "update_time", "delete_time", "expire_time", "name")
KEPT_SECONDS = 30 * 86_400
RENDER_SECONDS = 0.2
MOST_REVISIONS = 50


class Problem(Exception):
    """What a call ends with instead of an answer."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def invalid(message: str) -> Problem:
    return Problem(grpc.StatusCode.INVALID_ARGUMENT, message)


@dataclass
class Record:
    """A document, and what it was before."""

    document: Any
    revisions: list[Any] = field(default_factory=list)


@dataclass
class Work:
    """A rendering under way."""

    operation: Any
    began: float
    text: str
    rendering: Any


def parsed_parent(parent: str) -> str:
    if not PROJECT.fullmatch(parent):
        raise invalid("parent must look like projects/{project}")
    return parent


def parsed_name(name: str, where: str = "name") -> str:
    project, _, document_id = name.partition("/documents/")
    if not PROJECT.fullmatch(project) or not DOCUMENT_ID.fullmatch(document_id):
        raise invalid(f"{where} must look like projects/{{project}}/documents/{{document}}")
    return name


def check_request_id(request_id: str) -> None:
    if request_id and not UUID4.fullmatch(request_id):
        raise invalid("request_id must be a UUID of version 4")


def check_layout(layout: Any) -> None:
    sizes = [layout.width, layout.height, layout.all_sides, layout.sides.left, layout.sides.right]
    if min(sizes) < 0 or max(sizes) > 2000:
        raise invalid("document.layout has a size that isn't from 0 to 2000")
    if layout.HasField("sides") and layout.width and layout.sides.left + layout.sides.right > layout.width:
        raise invalid("document.layout.sides leave no room")


def check_document(document: Any) -> None:
    if not 1 <= len(document.display_name) <= 100:
        raise invalid("document.display_name must have 1 to 100 characters")
    if len(document.text) > 50_000:
        raise invalid("document.text has more than 50000 characters")
    if document.kind not in pb.Kind.values():
        raise invalid("document.kind is none that there is")
    if len(document.readers) > 20:
        raise invalid("document.readers has more than 20 items")
    for index, reader in enumerate(document.readers):
        if not READER.fullmatch(reader):
            raise invalid(f"document.readers[{index}] must begin with user: or group:")
    if sum(len(key) + len(value) for key, value in document.annotations.items()) > 4096:
        raise invalid("document.annotations are too large")
    check_layout(document.layout)


def etag_of(document: Any) -> str:
    bare = pb.Document()
    bare.CopyFrom(document)
    bare.ClearField("etag")
    return hashlib.sha256(bare.SerializeToString(deterministic=True)).hexdigest()[:16]


def check_etag(given: str, document: Any) -> None:
    if given and given != document.etag:
        raise Problem(grpc.StatusCode.ABORTED, "The etag isn't that of the document.")


def page(items: list[Any], request: Any, default: int, most: int, scope: str) -> tuple[list[Any], str]:
    """A page of what is sorted by name, and the token of the next one."""
    if request.page_size < 0:
        raise invalid("page_size must not be negative")
    start, _, last = request.page_token.partition("!")
    if request.page_token and (start != scope or not last):
        raise invalid("page_token is none of this list")
    size = min(request.page_size, most) or default
    left = [item for item in items if item.name > last]
    token = f"{scope}!{left[size - 1].name}" if len(left) > size else ""
    return left[:size], token


def changed_paths(request: Any) -> list[str]:
    """The top-level fields that an update changes."""
    paths = list(request.update_mask.paths)
    if not paths:
        return [one.name for one, _ in request.document.ListFields() if one.name in UPDATED]
    if paths == ["*"]:
        return list(UPDATED)
    for path in paths:
        if path in OUTPUT_ONLY:
            continue
        if path == "kind":
            raise invalid("update_mask: kind can't be changed")
        if path not in UPDATED:
            raise invalid(f"update_mask: {path[:60]!r} is no field that can be updated")
    return [path for path in paths if path in UPDATED]


class Server:
    """Documents, revisions and operations in memory."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.records: dict[str, Record] = {}
        self.created: dict[tuple[str, str], tuple[bytes, Any]] = {}
        self.work: dict[str, Work] = {}

    async def _fail(self, context: Any, problem: Problem) -> NoReturn:
        await context.abort(problem.code, problem.message)
        raise AssertionError

    def _record(self, name: str, where: str = "name") -> Record:
        parsed_name(name, where)
        if name not in self.records:
            raise Problem(grpc.StatusCode.NOT_FOUND, "There is no such document.")
        return self.records[name]

    def _living(self, record: Record) -> Record:
        if record.document.HasField("delete_time"):
            raise Problem(grpc.StatusCode.FAILED_PRECONDITION, "The document is deleted.")
        return record

    def _now(self, target: Any, later: float = 0) -> None:
        target.FromMilliseconds(int((self.environment.now() + later) * 1000))

    def _keep(self, record: Record) -> Any:
        """Note what a document has become."""
        record.document.etag = etag_of(record.document)
        revision = pb.Document()
        revision.CopyFrom(record.document)
        record.revisions.append(revision)
        del record.revisions[:-MOST_REVISIONS]
        return revision

    def _create(self, request: Any) -> Any:
        parent = parsed_parent(request.parent)
        check_request_id(request.request_id)
        if not request.HasField("document"):
            raise invalid("document is required")
        if not DOCUMENT_ID.fullmatch(request.document_id):
            raise invalid("document_id must be 4 to 63 small letters, digits and hyphens, a letter first")
        check_document(request.document)
        asked = request.SerializeToString(deterministic=True)
        if request.request_id:
            before = self.created.get((parent, request.request_id.lower()))
            if before and before[0] == asked:
                return before[1]
            if before:
                raise invalid("request_id was used for another request")
        name = f"{parent}/documents/{request.document_id}"
        if name in self.records:
            raise Problem(grpc.StatusCode.ALREADY_EXISTS, "There is a document of this id.")
        document = pb.Document()
        document.CopyFrom(request.document)
        for one in OUTPUT_ONLY:
            document.ClearField(one)
        document.name = name
        document.uid = self.environment.token()
        self._now(document.create_time)
        document.update_time.CopyFrom(document.create_time)
        record = Record(document)
        self.records[name] = record
        created = self._keep(record)
        if request.request_id:
            self.created[parent, request.request_id.lower()] = (asked, created)
        return created

    async def CreateDocument(self, request: Any, context: Any) -> Any:
        try:
            return self._create(request)
        except Problem as problem:
            await self._fail(context, problem)

    async def GetDocument(self, request: Any, context: Any) -> Any:
        try:
            return self._record(request.name).document
        except Problem as problem:
            await self._fail(context, problem)

    async def ListDocuments(self, request: Any, context: Any) -> Any:
        try:
            parent = parsed_parent(request.parent)
            documents = [
                record.document
                for name, record in sorted(self.records.items())
                if name.startswith(f"{parent}/documents/")
                and (request.show_deleted or not record.document.HasField("delete_time"))
            ]
            chosen, token = page(documents, request, 30, 200, f"{parent}:{int(request.show_deleted)}")
            return pb.ListDocumentsResponse(documents=chosen, next_page_token=token)
        except Problem as problem:
            await self._fail(context, problem)

    def _update(self, request: Any) -> Any:
        if not request.HasField("document"):
            raise invalid("document is required")
        check_request_id(request.request_id)
        parsed_name(request.document.name, "document.name")
        paths = changed_paths(request)
        record = self._living(self._record(request.document.name, "document.name"))
        check_etag(request.document.etag, record.document)
        changed = pb.Document()
        changed.CopyFrom(record.document)
        for path in paths:
            changed.ClearField(path)
        given = pb.Document()
        given.CopyFrom(request.document)
        for one in pb.Document.DESCRIPTOR.fields:
            if one.name not in paths:
                given.ClearField(one.name)
        changed.MergeFrom(given)
        check_document(changed)
        self._now(changed.update_time)
        record.document.CopyFrom(changed)
        return self._keep(record)

    async def UpdateDocument(self, request: Any, context: Any) -> Any:
        try:
            return self._update(request)
        except Problem as problem:
            await self._fail(context, problem)

    async def DeleteDocument(self, request: Any, context: Any) -> Any:
        try:
            record = self._living(self._record(request.name))
            check_etag(request.etag, record.document)
            self._now(record.document.delete_time)
            self._now(record.document.expire_time, KEPT_SECONDS)
            record.document.etag = etag_of(record.document)
            return record.document
        except Problem as problem:
            await self._fail(context, problem)

    async def UndeleteDocument(self, request: Any, context: Any) -> Any:
        try:
            record = self._record(request.name)
            if not record.document.HasField("delete_time"):
                raise Problem(grpc.StatusCode.FAILED_PRECONDITION, "The document isn't deleted.")
            record.document.ClearField("delete_time")
            record.document.ClearField("expire_time")
            record.document.etag = etag_of(record.document)
            return record.document
        except Problem as problem:
            await self._fail(context, problem)

    async def ExpungeDocument(self, request: Any, context: Any) -> Any:
        try:
            record = self._record(request.name)
            if not record.document.HasField("delete_time"):
                raise Problem(grpc.StatusCode.FAILED_PRECONDITION, "The document isn't deleted.")
            del self.records[request.name]
            return Empty()
        except Problem as problem:
            await self._fail(context, problem)

    async def RenderDocument(self, request: Any, context: Any) -> Any:
        try:
            record = self._living(self._record(request.name))
            if request.form == pb.FORM_UNSPECIFIED or request.form not in pb.Form.values():
                raise invalid("form is none that there is")
        except Problem as problem:
            await self._fail(context, problem)
        rendering = pb.Rendering(document=request.name, form=request.form, revision=len(record.revisions))
        operation = pb.Operation(name=f"operations/{self.environment.token()}")
        self.work[operation.name] = Work(operation, self.environment.now(), record.document.text, rendering)
        return operation

    def _operation(self, name: str) -> Any:
        """An operation as it is by now."""
        if not name.startswith("operations/"):
            raise invalid("name must look like operations/{operation}")
        if name not in self.work:
            raise Problem(grpc.StatusCode.NOT_FOUND, "There is no such operation.")
        work = self.work[name]
        if not work.operation.done:
            part = (self.environment.now() - work.began) / RENDER_SECONDS
            work.operation.progress_percent = max(0, min(100, int(part * 100)))
            if part >= 1:
                self._finish(work)
        return work.operation

    def _finish(self, work: Work) -> None:
        work.operation.done = True
        if not work.text:
            work.operation.failure.code = 9
            work.operation.failure.message = "An empty document can't be rendered."
            return
        work.rendering.bytes = len(work.text.encode()) * (3 if work.rendering.form == pb.FORM_PDF else 1)
        work.operation.rendering.CopyFrom(work.rendering)

    async def GetOperation(self, request: Any, context: Any) -> Any:
        try:
            return self._operation(request.name)
        except Problem as problem:
            await self._fail(context, problem)

    async def ListOperations(self, request: Any, context: Any) -> Any:
        try:
            operations = [self._operation(name) for name in sorted(self.work)]
            chosen, token = page(operations, request, 30, 200, "operations")
            return pb.ListOperationsResponse(operations=chosen, next_page_token=token)
        except Problem as problem:
            await self._fail(context, problem)

    async def CancelOperation(self, request: Any, context: Any) -> Any:
        try:
            operation = self._operation(request.name)
            if not operation.done:
                operation.done = True
                operation.failure.code = 1
                operation.failure.message = "The operation was cancelled."
            return Empty()
        except Problem as problem:
            await self._fail(context, problem)

    async def ListRevisions(self, request: Any, context: Any) -> Any:
        try:
            return pb.ListRevisionsResponse(revisions=self._record(request.name).revisions)
        except Problem as problem:
            await self._fail(context, problem)
