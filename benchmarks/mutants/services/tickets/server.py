"""A help desk on ``grpc.aio`` as teams write them: no annotation, numbers for ids, checks by hand, errors in words."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import grpc

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("acme.tickets.Tickets",)
pb = Messages("tickets", "acme.tickets")

EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
TAG = re.compile(r"[a-z0-9-]{1,32}")
LAST_SECOND = 253_402_300_799
INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
WRONG_STATE = grpc.StatusCode.FAILED_PRECONDITION


def wrong_subject(subject: str) -> str:
    if not subject.strip():
        return "subject is required"
    if len(subject) > 255:
        return "subject is too long (255 characters at most)"
    return ""


def wrong_tags(tags: Any) -> str:
    if len(tags) > 20:
        return "too many tags (20 at most)"
    for tag in tags:
        if not TAG.fullmatch(tag):
            return "tags consist of lower case letters, digits and dashes"
    if len(set(tags)) < len(tags):
        return "tags must be unique"
    return ""


def wrong_time(name: str, time: Any) -> str:
    if time.seconds < 0 or time.seconds > LAST_SECOND or time.nanos < 0 or time.nanos > 999_999_999:
        return f"{name} is not a valid timestamp"
    return ""


def wrong_custom_fields(fields: Any) -> str:
    if len(fields) > 50:
        return "too many custom fields (50 at most)"
    for key, value in fields.items():
        if not key or len(key) > 40:
            return "names of custom fields have 1 to 40 characters"
        if len(value) > 1000:
            return "a custom field is too long (1000 characters at most)"
    return ""


def wrong_priority(priority: int) -> str:
    if priority not in pb.Priority.values():
        return "unknown priority"
    return ""


def wrong_ticket(request: Any) -> str:
    """What is wrong with a new ticket; empty if nothing is."""
    if len(request.body) > 20_000:
        return "body is too long (20000 characters at most)"
    if not EMAIL.fullmatch(request.requester_email):
        return "requester_email is not an email address"
    return (
        wrong_subject(request.subject)
        or wrong_priority(request.priority)
        or wrong_tags(request.tags)
        or wrong_custom_fields(request.custom_fields)
        or wrong_time("due_at", request.due_at)
    )


def wrong_update(request: Any) -> str:
    wrong = ""
    if request.HasField("subject"):
        wrong = wrong_subject(request.subject)
    if request.HasField("body") and len(request.body) > 20_000:
        wrong = wrong or "body is too long (20000 characters at most)"
    if request.HasField("priority"):
        wrong = wrong or wrong_priority(request.priority)
    return wrong or wrong_tags(request.tags.tags) or wrong_time("due_at", request.due_at)


class Server:
    """Tickets in memory."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.tickets: dict[int, Any] = {}
        self.comments: dict[int, list[Any]] = {}
        self.agents: dict[int, Any] = {}
        self.last_ticket = 0
        self.last_comment = 0
        self.last_agent = 0

    async def _ticket(self, ticket_id: int, context: Any) -> Any:
        if ticket_id <= 0:
            await context.abort(INVALID, "id must be positive")
        if ticket_id not in self.tickets:
            await context.abort(NOT_FOUND, f"ticket {ticket_id} not found")
        return self.tickets[ticket_id]

    async def OpenTicket(self, request: Any, context: Any) -> Any:
        wrong = wrong_ticket(request)
        if wrong:
            await context.abort(INVALID, wrong)
        self.last_ticket += 1
        ticket = pb.Ticket(
            id=self.last_ticket,
            subject=request.subject,
            body=request.body,
            priority=request.priority or pb.NORMAL,
            state=pb.OPEN,
            tags=request.tags,
            requester_email=request.requester_email,
            custom_fields=request.custom_fields,
        )
        if request.HasField("due_at"):
            ticket.due_at.CopyFrom(request.due_at)
        ticket.opened_at.FromMilliseconds(int(self.environment.now() * 1000))
        self.tickets[ticket.id] = ticket
        self.comments[ticket.id] = []
        return ticket

    async def GetTicket(self, request: Any, context: Any) -> Any:
        return await self._ticket(request.id, context)

    async def ListTickets(self, request: Any, context: Any) -> Any:
        if request.limit < 0 or request.limit > 200:
            await context.abort(INVALID, "limit must be between 0 and 200")
        if request.state not in pb.State.values():
            await context.abort(INVALID, "unknown state")
        after = 0
        if request.cursor:
            if not re.fullmatch("t[0-9]{1,18}", request.cursor):
                await context.abort(INVALID, "invalid cursor")
            after = int(request.cursor[1:])
        found = []
        for ticket in self.tickets.values():
            if ticket.id <= after:
                continue
            if request.state and ticket.state != request.state:
                continue
            if request.tag and request.tag not in ticket.tags:
                continue
            if request.assignee_id and ticket.assignee_id != request.assignee_id:
                continue
            found.append(ticket)
        limit = request.limit or 25
        cursor = f"t{found[limit - 1].id}" if len(found) > limit else ""
        return pb.ListTicketsResponse(tickets=found[:limit], next_cursor=cursor)

    async def UpdateTicket(self, request: Any, context: Any) -> Any:
        wrong = wrong_update(request)
        if wrong:
            await context.abort(INVALID, wrong)
        ticket = await self._ticket(request.id, context)
        if ticket.state == pb.CLOSED:
            await context.abort(WRONG_STATE, "ticket is closed")
        if request.HasField("subject"):
            ticket.subject = request.subject
        if request.HasField("body"):
            ticket.body = request.body
        if request.HasField("priority"):
            ticket.priority = request.priority or pb.NORMAL
        if request.HasField("tags"):
            del ticket.tags[:]
            ticket.tags.extend(request.tags.tags)
        if request.HasField("due_at"):
            ticket.due_at.CopyFrom(request.due_at)
        return ticket

    async def DeleteTicket(self, request: Any, context: Any) -> Any:
        ticket = await self._ticket(request.id, context)
        del self.tickets[ticket.id]
        del self.comments[ticket.id]
        return pb.DeleteTicketResponse()

    async def AssignTicket(self, request: Any, context: Any) -> Any:
        ticket = await self._ticket(request.id, context)
        if request.agent_id not in self.agents:
            await context.abort(NOT_FOUND, f"agent {request.agent_id} not found")
        if ticket.state == pb.CLOSED:
            await context.abort(WRONG_STATE, "ticket is closed")
        ticket.assignee_id = request.agent_id
        ticket.state = pb.ASSIGNED
        return ticket

    async def CloseTicket(self, request: Any, context: Any) -> Any:
        ticket = await self._ticket(request.id, context)
        if not request.resolution or len(request.resolution) > 1000:
            await context.abort(INVALID, "resolution must have 1 to 1000 characters")
        if ticket.state == pb.CLOSED:
            await context.abort(WRONG_STATE, "ticket is already closed")
        ticket.state = pb.CLOSED
        ticket.resolution = request.resolution
        ticket.closed_at.FromMilliseconds(int(self.environment.now() * 1000))
        return ticket

    async def ReopenTicket(self, request: Any, context: Any) -> Any:
        ticket = await self._ticket(request.id, context)
        if ticket.state != pb.CLOSED:
            await context.abort(WRONG_STATE, "ticket is not closed")
        ticket.state = pb.ASSIGNED if ticket.HasField("assignee_id") else pb.OPEN
        ticket.ClearField("resolution")
        ticket.ClearField("closed_at")
        return ticket

    async def AddComment(self, request: Any, context: Any) -> Any:
        ticket = await self._ticket(request.ticket_id, context)
        if not request.text.strip() or len(request.text) > 5000:
            await context.abort(INVALID, "text must have 1 to 5000 characters")
        if len(request.attachments) > 5:
            await context.abort(INVALID, "too many attachments (5 at most)")
        for attachment in request.attachments:
            if not attachment.file_name or "/" in attachment.file_name or "\0" in attachment.file_name:
                await context.abort(INVALID, "attachments need a file name without slashes")
            if len(attachment.data) > 100_000:
                await context.abort(INVALID, "an attachment is too large (100000 bytes at most)")
        self.last_comment += 1
        comment = pb.Comment(
            id=self.last_comment,
            ticket_id=ticket.id,
            text=request.text,
            internal=request.internal,
            attachments=request.attachments,
        )
        self.comments[ticket.id].append(comment)
        ticket.comment_count += 1
        return comment

    async def ListComments(self, request: Any, context: Any) -> Any:
        ticket = await self._ticket(request.ticket_id, context)
        comments = [one for one in self.comments[ticket.id] if request.include_internal or not one.internal]
        return pb.ListCommentsResponse(comments=comments)

    async def DeleteComment(self, request: Any, context: Any) -> Any:
        ticket = await self._ticket(request.ticket_id, context)
        comments = self.comments[ticket.id]
        left = [comment for comment in comments if comment.id != request.comment_id]
        if len(left) == len(comments):
            await context.abort(NOT_FOUND, f"comment {request.comment_id} not found")
        self.comments[ticket.id] = left
        ticket.comment_count -= 1
        return pb.DeleteCommentResponse()

    async def CreateAgent(self, request: Any, context: Any) -> Any:
        if not EMAIL.fullmatch(request.email):
            await context.abort(INVALID, "email is not an email address")
        if not 1 <= len(request.display_name) <= 100:
            await context.abort(INVALID, "display_name must have 1 to 100 characters")
        if len(request.teams) > 10 or not all(1 <= len(team) <= 50 for team in request.teams):
            await context.abort(INVALID, "at most 10 teams, with names of 1 to 50 characters")
        if any(agent.email.lower() == request.email.lower() for agent in self.agents.values()):
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "an agent with this email exists")
        self.last_agent += 1
        agent = pb.Agent(
            id=self.last_agent, email=request.email, display_name=request.display_name, teams=request.teams
        )
        self.agents[agent.id] = agent
        return agent

    async def GetAgent(self, request: Any, context: Any) -> Any:
        if request.id <= 0:
            await context.abort(INVALID, "id must be positive")
        if request.id not in self.agents:
            await context.abort(NOT_FOUND, f"agent {request.id} not found")
        return self.agents[request.id]

    async def ExportTickets(self, request: Any, context: Any) -> AsyncIterator[Any]:
        wrong = wrong_time("opened_after", request.opened_after) or wrong_time("opened_before", request.opened_before)
        if (
            not wrong
            and request.HasField("opened_before")
            and request.opened_before.seconds < request.opened_after.seconds
        ):
            wrong = "opened_before is before opened_after"
        if wrong:
            await context.abort(INVALID, wrong)
        for ticket in list(self.tickets.values()):
            opened = (ticket.opened_at.seconds, ticket.opened_at.nanos)
            if opened <= (request.opened_after.seconds, request.opened_after.nanos):
                continue
            before = (request.opened_before.seconds, request.opened_before.nanos)
            if request.HasField("opened_before") and opened >= before:
                continue
            yield ticket
