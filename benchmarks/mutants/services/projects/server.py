"""A planner of projects, tasks and notes on ``grpc.aio``: ids of the server, validation by hand, no annotation."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from typing import Any

import grpc

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("projects.v1.Planner",)
pb = Messages("projects", "projects.v1")

KEY = re.compile(r"[A-Z]{2,8}")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
TAG = re.compile(r"[a-z0-9][a-z0-9-]{0,29}")
EXISTS, UNFIT = grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.FAILED_PRECONDITION
EARLIEST, LATEST = -62_135_596_800, 253_402_300_799
MOST_STARTED, MOST_TAGS, MOST_AT_ONCE = 3, 10, 100
MOVES = {
    pb.STATE_OPEN: (pb.STATE_STARTED, pb.STATE_ARCHIVED),
    pb.STATE_STARTED: (pb.STATE_OPEN, pb.STATE_DONE),
    pb.STATE_DONE: (pb.STATE_OPEN, pb.STATE_ARCHIVED),
    pb.STATE_ARCHIVED: (),
}
ACTIVE = (pb.STATE_OPEN, pb.STATE_STARTED)


class Refused(Exception):
    """What a call ends with instead of an answer."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def need(condition: bool, message: str) -> None:
    if not condition:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def answered(handle: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Coroutine[Any, Any, Any]]:
    """A handler that ends the call with the status that the method refuses the request with."""

    @functools.wraps(handle)
    async def handler(self: Any, request: Any, context: Any) -> Any:
        try:
            return handle(self, request)
        except Refused as refused:
            await context.abort(refused.code, refused.message)

    return handler


def found(things: dict[int, Any], what: str, number: int) -> Any:
    need(number > 0, f"the id of the {what} must be positive")
    if number not in things:
        raise Refused(grpc.StatusCode.NOT_FOUND, f"there is no {what} {number}")
    return things[number]


def check_line(field: str, text: str, longest: int) -> None:
    need(bool(text.strip()), f"{field} must not be empty")
    need(len(text) <= longest, f"{field} must have at most {longest} characters")


def check_time(field: str, message: Any) -> None:
    if message.HasField(field):
        time = getattr(message, field)
        right = EARLIEST <= time.seconds <= LATEST and 0 <= time.nanos < 10**9
        need(right, f"{field} must be a time from year 1 to 9999")


def check_tags(field: str, tags: Iterable[str]) -> None:
    need(len(set(tags)) <= MOST_TAGS, f"{field} must be at most {MOST_TAGS}")
    for tag in tags:
        need(bool(TAG.fullmatch(tag)), f"{field} must be 1 to 30 small letters, digits and hyphens, no hyphen first")


def check_states(states: Iterable[int]) -> None:
    for state in states:
        need(state in MOVES, "state must be open, started, done or archived")


def check_task(task: Any) -> None:
    """Look at what a draft and an update have both."""
    need(len(task.text) <= 5000, "text must have at most 5000 characters")
    need(0 <= task.priority <= 5, "priority must be from 0 to 5")
    need(0 <= task.estimate_hours <= 1000, "estimate_hours must be from 0 to 1000")
    need(task.assignee_id >= 0, "assignee_id must not be negative")
    check_time("due", task)


def check_draft(draft: Any) -> None:
    check_line("title", draft.title, 120)
    check_task(draft)
    check_tags("tags", draft.tags)
    need(len(draft.external_id) <= 40, "external_id must have at most 40 characters")


def check_search(request: Any) -> None:
    need(request.project_id >= 0, "project_id must not be negative")
    check_states(request.states)
    need(request.assignee_id >= 0, "assignee_id must not be negative")
    need(len(request.text) <= 100, "text must have at most 100 characters")
    check_tags("tags", request.tags)
    check_time("due_after", request)
    check_time("due_before", request)
    need(request.order in pb.Order.values(), "order must be one of those that there are")


def part(items: list[Any], request: Any) -> list[Any]:
    need(request.offset >= 0, "offset must not be negative")
    need(0 <= request.limit <= MOST_AT_ONCE, f"limit must be from 1 to {MOST_AT_ONCE}")
    return items[request.offset : request.offset + (request.limit or 20)]


def fits(task: Any, request: Any) -> bool:
    """Whether a task passes all the filters that are set."""
    if request.project_id not in (0, task.project_id) or (request.states and task.state not in request.states):
        return False
    if request.HasField("assignee_id") and task.assignee_id != request.assignee_id:
        return False
    if not any(request.text.casefold() in text.casefold() for text in (task.title, task.text)):
        return False
    if not task.HasField("due") and (request.HasField("due_after") or request.HasField("due_before")):
        return False
    if request.HasField("due_after") and task.due.ToNanoseconds() < request.due_after.ToNanoseconds():
        return False
    if request.HasField("due_before") and task.due.ToNanoseconds() >= request.due_before.ToNanoseconds():
        return False
    return set(request.tags) <= set(task.tags)


class Server:
    """Projects, people, tasks and notes in memory."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.projects: dict[int, Any] = {}
        self.people: dict[int, Any] = {}
        self.tasks: dict[int, Any] = {}
        self.notes: dict[int, list[Any]] = {}
        self.numbers: dict[int, int] = {}
        self.ids = itertools.count(1)

    def _now(self, target: Any) -> None:
        target.FromMilliseconds(int(self.environment.now() * 1000))

    def _copy(self, number: int) -> Any:
        """A copy of a task that isn't archived, to be changed and kept."""
        task = pb.Task()
        task.CopyFrom(found(self.tasks, "task", number))
        if task.state == pb.STATE_ARCHIVED:
            raise Refused(UNFIT, "the task is archived")
        return task

    def _keep(self, changed: Any) -> Any:
        """Put a copy in the place of a task, if it is another by now."""
        if changed != self.tasks[changed.id]:
            changed.version += 1
            self._now(changed.updated_at)
            self.tasks[changed.id] = changed
        return changed

    def _tasks_of(self, project: Any) -> list[Any]:
        return [task for task in self.tasks.values() if task.project_id == project.id]

    def _shown(self, project: Any) -> Any:
        shown = pb.Project()
        shown.CopyFrom(project)
        for task in self._tasks_of(project):
            shown.counts.open += task.state == pb.STATE_OPEN
            shown.counts.started += task.state == pb.STATE_STARTED
            shown.counts.done += task.state == pb.STATE_DONE
            shown.counts.archived += task.state == pb.STATE_ARCHIVED
            shown.hours_left += task.estimate_hours if task.state in ACTIVE else 0
        return shown

    @answered
    def CreateProject(self, request: Any) -> Any:
        need(bool(KEY.fullmatch(request.key)), "key must be 2 to 8 capital letters")
        check_line("title", request.title, 80)
        if any(one.key == request.key for one in self.projects.values()):
            raise Refused(EXISTS, "there is a project with this key")
        project = pb.Project(id=next(self.ids), key=request.key, title=request.title, counts={})
        self._now(project.created_at)
        self.projects[project.id] = project
        return self._shown(project)

    @answered
    def GetProject(self, request: Any) -> Any:
        return self._shown(found(self.projects, "project", request.id))

    @answered
    def AddPerson(self, request: Any) -> Any:
        check_line("name", request.name, 80)
        need(len(request.email) <= 120 and bool(EMAIL.fullmatch(request.email)), "email must be an address")
        if any(one.email.lower() == request.email.lower() for one in self.people.values()):
            raise Refused(EXISTS, "there is a person with this email")
        person = pb.Person(id=next(self.ids), name=request.name, email=request.email)
        self.people[person.id] = person
        return person

    def _add(self, request: Any) -> Any:
        need(request.HasField("task"), "task is required")
        draft = request.task
        check_draft(draft)
        project = found(self.projects, "project", request.project_id)
        if draft.assignee_id:
            found(self.people, "person", draft.assignee_id)
        if draft.external_id and any(one.external_id == draft.external_id for one in self._tasks_of(project)):
            raise Refused(EXISTS, "there is a task with this external_id")
        number = self.numbers[project.id] = self.numbers.get(project.id, 0) + 1
        task = pb.Task(id=next(self.ids), project_id=project.id, number=number, state=pb.STATE_OPEN, version=1)
        task.code = f"{project.key}-{number}"
        for field in ("title", "text", "assignee_id", "priority", "estimate_hours", "external_id"):
            setattr(task, field, getattr(draft, field))
        task.tags.extend(sorted(set(draft.tags)))
        if draft.HasField("due"):
            task.due.CopyFrom(draft.due)
        self._now(task.created_at)
        task.updated_at.CopyFrom(task.created_at)
        self.tasks[task.id] = task
        self.notes[task.id] = []
        return task

    @answered
    def CreateTask(self, request: Any) -> Any:
        return self._add(request)

    @answered
    def GetTask(self, request: Any) -> Any:
        return found(self.tasks, "task", request.id)

    def _check_load(self, person_id: int, task: Any) -> None:
        others = [one for one in self.tasks.values() if one.assignee_id == person_id and one.id != task.id]
        if sum(one.state == pb.STATE_STARTED for one in others) >= MOST_STARTED:
            raise Refused(UNFIT, f"the person has {MOST_STARTED} tasks started")

    def _assign(self, task: Any, person_id: int) -> None:
        if person_id:
            found(self.people, "person", person_id)
        if person_id == task.assignee_id:
            return
        if task.state == pb.STATE_DONE:
            raise Refused(UNFIT, "a task that is done keeps its assignee")
        if task.state == pb.STATE_STARTED:
            if not person_id:
                raise Refused(UNFIT, "a started task must have an assignee")
            self._check_load(person_id, task)
        task.assignee_id = person_id

    @answered
    def UpdateTask(self, request: Any) -> Any:
        if request.HasField("title"):
            check_line("title", request.title, 120)
        check_task(request)
        need(not (request.HasField("due") and request.clear_due), "due must not be set together with clear_due")
        task = self._copy(request.id)
        if request.HasField("expected_version") and request.expected_version != task.version:
            raise Refused(grpc.StatusCode.ABORTED, f"the task has version {task.version}")
        for field in ("title", "text", "priority", "estimate_hours"):
            if request.HasField(field):
                setattr(task, field, getattr(request, field))
        if request.HasField("assignee_id"):
            self._assign(task, request.assignee_id)
        if request.HasField("due"):
            task.due.CopyFrom(request.due)
        if request.clear_due:
            task.ClearField("due")
        return self._keep(task)

    def _move(self, number: int, state: int) -> Any:
        check_states([state])
        if found(self.tasks, "task", number).state == state:
            return found(self.tasks, "task", number)
        task = self._copy(number)
        if state not in MOVES[task.state]:
            raise Refused(UNFIT, "the task can't go from its state to this one")
        if state == pb.STATE_STARTED:
            if not task.assignee_id:
                raise Refused(UNFIT, "a task that nobody has can't be started")
            self._check_load(task.assignee_id, task)
        task.state = state
        if state in ACTIVE:
            task.ClearField("closed_at")
        elif not task.HasField("closed_at"):
            self._now(task.closed_at)
        return self._keep(task)

    @answered
    def MoveTask(self, request: Any) -> Any:
        return self._move(request.id, request.state)

    @answered
    def DeleteTask(self, request: Any) -> Any:
        task = found(self.tasks, "task", request.id)
        if task.state == pb.STATE_STARTED:
            raise Refused(UNFIT, "a started task can't be deleted")
        del self.tasks[task.id]
        return pb.DeleteTaskResponse(note_count=len(self.notes.pop(task.id)))

    @answered
    def FindTasks(self, request: Any) -> Any:
        check_search(request)
        fitting = [task for task in self.tasks.values() if fits(task, request)]
        if request.order == pb.ORDER_PRIORITY:
            fitting.sort(key=lambda task: -task.priority)
        elif request.order == pb.ORDER_DUE:
            fitting.sort(key=lambda task: (not task.HasField("due"), task.due.ToNanoseconds()))
        response = pb.FindTasksResponse(tasks=part(fitting, request), total=len(fitting))
        if request.project_id:
            found(self.projects, "project", request.project_id)
        return response

    def _note(self, task_id: int, text: str, author_id: int) -> Any:
        need(1 <= len(text) <= 2000, "text must have 1 to 2000 characters")
        need(author_id >= 0, "author_id must not be negative")
        task = found(self.tasks, "task", task_id)
        if author_id:
            found(self.people, "person", author_id)
        if task.state == pb.STATE_ARCHIVED:
            raise Refused(UNFIT, "the task is archived")
        task.note_count += 1
        note = pb.Note(task_id=task.id, number=task.note_count, text=text, author_id=author_id)
        self._now(note.created_at)
        self.notes[task.id].append(note)
        return note

    @answered
    def AddNote(self, request: Any) -> Any:
        return self._note(request.task_id, request.text, request.author_id)

    @answered
    def ListNotes(self, request: Any) -> Any:
        part([], request)
        notes = self.notes[found(self.tasks, "task", request.task_id).id]
        return pb.ListNotesResponse(notes=part(notes, request), total=len(notes))

    @answered
    def TagTasks(self, request: Any) -> Any:
        need(1 <= len(request.task_ids) <= MOST_AT_ONCE, f"task_ids must be 1 to {MOST_AT_ONCE}")
        need(min(request.task_ids) > 0, "task_ids must be positive")
        need(len(set(request.task_ids)) == len(request.task_ids), "task_ids must have each task once")
        check_tags("add", request.add)
        check_tags("remove", request.remove)
        need(bool(request.add or request.remove), "add or remove is required")
        need(not set(request.add) & set(request.remove), "remove must not have a tag that is in add")
        tagged = [self._copy(number) for number in request.task_ids]
        for task in tagged:
            tags = sorted({*task.tags, *request.add} - {*request.remove})
            if len(tags) > MOST_TAGS:
                raise Refused(UNFIT, f"task {task.id} would have more than {MOST_TAGS} tags")
            task.tags[:] = tags
        changed = sum(task != self.tasks[task.id] for task in tagged)
        return pb.TagTasksResponse(tasks=map(self._keep, tagged), changed=changed)

    def _rows(self, request: Any) -> Iterator[Any]:
        check_states(request.states)
        project = found(self.projects, "project", request.project_id)
        yield pb.ExportRow(project=self._shown(project))
        end = pb.ExportEnd()
        for task in self._tasks_of(project):
            if not request.states or task.state in request.states:
                yield pb.ExportRow(task=task)
                yield from (pb.ExportRow(note=note) for note in self.notes[task.id])
                end.tasks += 1
                end.notes += len(self.notes[task.id])
        yield pb.ExportRow(end=end)

    async def ExportTasks(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            for row in list(self._rows(request)):
                yield row
        except Refused as refused:
            await context.abort(refused.code, refused.message)

    async def ImportTasks(self, requests: AsyncIterator[Any], context: Any) -> Any:
        summary = pb.ImportSummary()
        async for request in requests:
            try:
                summary.task_ids.append(self._add(request).id)
                summary.taken += 1
            except Refused as refused:
                summary.refused += 1
                if len(summary.refusals) < MOST_AT_ONCE:
                    summary.refusals.add(row=summary.taken + summary.refused, reason=refused.message)
        return summary

    def _step(self, request: Any) -> Any:
        action = request.WhichOneof("action")
        need(action is not None, "an action is required")
        if action == "move_to":
            return self._move(request.task_id, request.move_to)
        if action == "note":
            self._note(request.task_id, request.note, 0)
            return found(self.tasks, "task", request.task_id)
        need(request.assign_to >= 0, "assign_to must not be negative")
        task = self._copy(request.task_id)
        self._assign(task, request.assign_to)
        return self._keep(task)

    async def Triage(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        sequence = 0
        async for request in requests:
            sequence += 1
            reply = pb.TriageReply(sequence=sequence)
            try:
                reply.task.CopyFrom(self._step(request))
            except Refused as refused:
                reply.problem.code = refused.code.value[0]
                reply.problem.message = refused.message
            yield reply
