"""Topics, subscriptions and blobs on ``grpc.aio``: streams in every direction, messages lent for a time."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("events.v1.Publisher", "events.v1.Subscriber", "events.v1.Blobs")
pb = Messages("events", "events.v1")

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{2,59}")
INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
MOST_AT_ONCE = 100
MOST_KEPT = 1_000
LARGEST = 256 * 1024
LARGEST_BLOB = 1024 * 1024
CHUNK = 16 * 1024
LONGEST_RETENTION = 31 * 86_400


def wrong_attributes(attributes: Any) -> str:
    if len(attributes) > 20:
        return "There are more than 20 attributes."
    for key, value in attributes.items():
        if not key or len(key) > 100:
            return "Keys of attributes have 1 to 100 characters."
        if len(value) > 500:
            return "Values of attributes have at most 500 characters."
    return ""


def wrong_message(message: Any) -> str:
    """What is wrong with a message to publish; empty if nothing is."""
    if not message.data and not message.attributes:
        return "A message needs data or attributes."
    if len(message.data) > LARGEST:
        return f"A message has at most {LARGEST} bytes."
    if len(message.ordering_key) > 100:
        return "An ordering key has at most 100 characters."
    return wrong_attributes(message.attributes)


def wrong_topic(topic: Any) -> str:
    if not NAME.fullmatch(topic.name):
        return "The name of a topic has 3 to 60 letters, digits, '-', '.' or '_', a letter first."
    if topic.HasField("retention"):
        seconds, nanos = topic.retention.seconds, topic.retention.nanos
        if not 600 <= seconds <= LONGEST_RETENTION or not 0 <= nanos <= 999_999_999:
            return "A retention is from 10 minutes to 31 days."
    return wrong_attributes(topic.labels)


def wrong_subscription(subscription: Any) -> str:
    if not NAME.fullmatch(subscription.name):
        return "The name of a subscription has 3 to 60 letters, digits, '-', '.' or '_', a letter first."
    if subscription.ack_deadline_seconds and not 10 <= subscription.ack_deadline_seconds <= 600:
        return "A deadline is from 10 to 600 seconds."
    return wrong_attributes(subscription.filter)


@dataclass
class Queue:
    """What a subscription has still to deliver."""

    subscription: Any
    waiting: list[Any] = field(default_factory=list)
    lent: dict[str, tuple[float, Any]] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)

    def take_back(self, now: float) -> None:
        """What was lent and not acknowledged in time waits again."""
        late = [ack_id for ack_id, (until, _) in self.lent.items() if until <= now]
        for ack_id in reversed(late):
            self.waiting.insert(0, self.lent.pop(ack_id)[1])

    def lend(self, most: int, environment: Environment) -> list[Any]:
        self.take_back(environment.now())
        given = []
        for message in self.waiting[:most]:
            attempt = self.attempts.get(message.message_id, 0) + 1
            self.attempts[message.message_id] = attempt
            ack_id = f"{message.message_id}:{attempt}:{environment.token()}"
            until = environment.now() + self.subscription.ack_deadline_seconds
            self.lent[ack_id] = (until, message)
            given.append(pb.ReceivedMessage(ack_id=ack_id, message=message, delivery_attempt=attempt))
        del self.waiting[:most]
        return given

    def acknowledge(self, ack_ids: Any) -> None:
        """What is acknowledged is done; what isn't lent any more is left alone."""
        for ack_id in ack_ids:
            if ack_id in self.lent:
                message = self.lent.pop(ack_id)[1]
                self.attempts.pop(message.message_id, None)


class Server:
    """All of it in memory."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.topics: dict[str, Any] = {}
        self.queues: dict[str, Queue] = {}
        self.followers: dict[str, list[asyncio.Queue[Any]]] = {}
        self.blobs: dict[str, tuple[Any, bytes]] = {}
        self.last = 0

    async def _topic(self, name: str, context: Any) -> Any:
        if not name:
            await context.abort(INVALID, "The name of a topic is needed.")
        if name not in self.topics:
            await context.abort(NOT_FOUND, "There is no such topic.")
        return self.topics[name]

    async def _queue(self, name: str, context: Any) -> Queue:
        if not name:
            await context.abort(INVALID, "The name of a subscription is needed.")
        if name not in self.queues:
            await context.abort(NOT_FOUND, "There is no such subscription.")
        return self.queues[name]

    async def CreateTopic(self, request: Any, context: Any) -> Any:
        wrong = wrong_topic(request)
        if wrong:
            await context.abort(INVALID, wrong)
        if request.name in self.topics:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "There is a topic of this name.")
        topic = pb.Topic()
        topic.CopyFrom(request)
        self.topics[topic.name] = topic
        return topic

    async def GetTopic(self, request: Any, context: Any) -> Any:
        return await self._topic(request.topic, context)

    async def ListTopics(self, request: Any, context: Any) -> Any:
        if not 0 <= request.page_size <= 1000:
            await context.abort(INVALID, "The size of a page is from 0 to 1000.")
        if request.page_token and not request.page_token.startswith("after:"):
            await context.abort(INVALID, "The page token is none that was given.")
        size = request.page_size or 50
        names = sorted(name for name in self.topics if name > request.page_token.removeprefix("after:"))
        token = f"after:{names[size - 1]}" if len(names) > size else ""
        return pb.ListTopicsResponse(topics=[self.topics[name] for name in names[:size]], next_page_token=token)

    async def DeleteTopic(self, request: Any, context: Any) -> Any:
        topic = await self._topic(request.topic, context)
        for queue in self.queues.values():
            if queue.subscription.topic == topic.name:
                queue.subscription.detached = True
                queue.waiting.clear()
                queue.lent.clear()
        del self.topics[topic.name]
        return Empty()

    def _deliver(self, topic: str, given: Any) -> str:
        """Hand a message on to whoever is subscribed, and give its id."""
        self.last += 1
        message = pb.Message()
        message.CopyFrom(given)
        message.message_id = str(self.last)
        message.publish_time.FromMilliseconds(int(self.environment.now() * 1000))
        for queue in self.queues.values():
            subscription = queue.subscription
            wanted = all(message.attributes.get(key) == value for key, value in subscription.filter.items())
            if subscription.topic == topic and not subscription.detached and wanted:
                queue.waiting.append(message)
                del queue.waiting[:-MOST_KEPT]
        for follower in self.followers.get(topic, ()):
            follower.put_nowait(message)
        return str(message.message_id)

    async def Publish(self, request: Any, context: Any) -> Any:
        topic = await self._topic(request.topic, context)
        if not request.messages or len(request.messages) > MOST_AT_ONCE:
            await context.abort(INVALID, f"From 1 to {MOST_AT_ONCE} messages can be published at once.")
        for message in request.messages:
            wrong = wrong_message(message)
            if wrong:
                await context.abort(INVALID, wrong)
        return pb.PublishResponse(message_ids=[self._deliver(topic.name, message) for message in request.messages])

    async def PublishStream(self, requests: AsyncIterator[Any], context: Any) -> Any:
        first = ""
        done = pb.PublishStreamResponse()
        async for request in requests:
            first = first or request.topic
            topic = await self._topic(request.topic or first, context)
            wrong = wrong_message(request.message)
            if wrong:
                await context.abort(INVALID, wrong)
            if len(done.message_ids) == MOST_KEPT:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"A stream has at most {MOST_KEPT} messages.")
            done.message_ids.append(self._deliver(topic.name, request.message))
            done.bytes += len(request.message.data)
        return done

    async def CreateSubscription(self, request: Any, context: Any) -> Any:
        wrong = wrong_subscription(request)
        if wrong:
            await context.abort(INVALID, wrong)
        topic = await self._topic(request.topic, context)
        if request.name in self.queues:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "There is a subscription of this name.")
        subscription = pb.Subscription(name=request.name, topic=topic.name, filter=request.filter)
        subscription.ack_deadline_seconds = request.ack_deadline_seconds or 10
        self.queues[subscription.name] = Queue(subscription)
        return subscription

    async def GetSubscription(self, request: Any, context: Any) -> Any:
        return (await self._queue(request.subscription, context)).subscription

    async def DeleteSubscription(self, request: Any, context: Any) -> Any:
        await self._queue(request.subscription, context)
        del self.queues[request.subscription]
        return Empty()

    async def Pull(self, request: Any, context: Any) -> Any:
        queue = await self._queue(request.subscription, context)
        if not 1 <= request.max_messages <= MOST_AT_ONCE:
            await context.abort(INVALID, f"max_messages is from 1 to {MOST_AT_ONCE}.")
        return pb.PullResponse(received_messages=queue.lend(request.max_messages, self.environment))

    async def Acknowledge(self, request: Any, context: Any) -> Any:
        queue = await self._queue(request.subscription, context)
        if not request.ack_ids:
            await context.abort(INVALID, "ack_ids must not be empty.")
        queue.acknowledge(request.ack_ids)
        return Empty()

    async def StreamingPull(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        queue = None
        async for request in requests:
            if queue is None:
                queue = await self._queue(request.subscription, context)
            elif request.subscription and request.subscription != queue.subscription.name:
                await context.abort(INVALID, "A stream has one subscription.")
            if not 0 <= request.max_messages <= MOST_AT_ONCE:
                await context.abort(INVALID, f"max_messages is from 0 to {MOST_AT_ONCE}.")
            queue.acknowledge(request.ack_ids)
            given = queue.lend(request.max_messages or 10, self.environment)
            if given:
                yield pb.StreamingPullResponse(received_messages=given)

    async def Follow(self, request: Any, context: Any) -> AsyncIterator[Any]:
        topic = await self._topic(request.topic, context)
        if request.max_messages < 0:
            await context.abort(INVALID, "max_messages must not be negative.")
        news: asyncio.Queue[Any] = asyncio.Queue()
        followers = self.followers.setdefault(topic.name, [])
        followers.append(news)
        sent = 0
        try:
            while not request.max_messages or sent < request.max_messages:
                yield await news.get()
                sent += 1
        finally:
            followers.remove(news)

    async def Upload(self, requests: AsyncIterator[Any], context: Any) -> Any:
        header = None
        data = bytearray()
        async for request in requests:
            part = request.WhichOneof("part")
            if header is None:
                if part != "header":
                    await context.abort(INVALID, "The first message must be the header.")
                header = request.header
                if not header.file_name or len(header.file_name) > 255 or "/" in header.file_name:
                    await context.abort(INVALID, "A file's name has 1 to 255 characters, and no slash.")
                if not 0 <= header.size <= LARGEST_BLOB:
                    await context.abort(INVALID, f"A blob has at most {LARGEST_BLOB} bytes.")
                continue
            if part != "chunk":
                await context.abort(INVALID, "There is one header, and chunks behind it.")
            data += request.chunk
            if len(data) > header.size:
                await context.abort(grpc.StatusCode.DATA_LOSS, "There are more bytes than were announced.")
        if header is None:
            await context.abort(INVALID, "A header is needed.")
            raise AssertionError
        digest = hashlib.sha256(data).hexdigest()
        if len(data) < header.size or (header.sha256 and header.sha256.lower() != digest):
            await context.abort(grpc.StatusCode.DATA_LOSS, "The blob isn't what was announced.")
        blob = pb.Blob(id=self.environment.token(), file_name=header.file_name, size=len(data), sha256=digest)
        self.blobs[blob.id] = (blob, bytes(data))
        return blob

    async def _blob(self, blob_id: str, context: Any) -> tuple[Any, bytes]:
        if blob_id not in self.blobs:
            await context.abort(NOT_FOUND, "There is no such blob.")
        return self.blobs[blob_id]

    async def Download(self, request: Any, context: Any) -> AsyncIterator[Any]:
        _, data = await self._blob(request.id, context)
        if not 0 <= request.offset <= len(data):
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, "The offset is outside of the blob.")
        if request.length < 0:
            await context.abort(INVALID, "The length must not be negative.")
        end = min(request.offset + request.length, len(data)) if request.length else len(data)
        for start in range(request.offset, end, CHUNK):
            yield pb.DownloadResponse(chunk=data[start : min(start + CHUNK, end)])

    async def StatBlob(self, request: Any, context: Any) -> Any:
        blob, _ = await self._blob(request.id, context)
        return blob
