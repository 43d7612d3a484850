"""The user service, done right."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from google.protobuf import empty_pb2

from benchmarks.mutants import masks, paging, validation
from benchmarks.mutants.schema import Message, message
from benchmarks.mutants.service import REQUEST, Conversation, Service
from benchmarks.mutants.steps import Feed, Next, Settle, existing, invalid, missing

if TYPE_CHECKING:
    from benchmarks.mutants.store import Store

USER = "directory.example.com/User"
_FIXED = ("name", "create_time", "update_time")

User: Any = message("User")
UserEvent: Any = message("UserEvent")


def shown(user: Message) -> Message:
    """Give a user as clients see it."""
    copy = User()
    copy.CopyFrom(user)
    copy.ClearField("password")
    return copy


def id_of(name: str) -> str:
    """Give the id in ``users/ID``, and in the name of anything below it."""
    return name.split("/")[1]


class Users(Service):
    """Creates, finds, changes and deletes users; tells of changes; takes many at once."""

    def create_user(self, request: Message, store: Store) -> Message:
        key = request.request_id, request.SerializeToString(deterministic=True)
        if request.request_id and (made := store.requests.get(key)):
            return shown(store.users.by_id[made])
        user_id = request.user_id or store.users.new_id("u")
        if user_id in store.users.by_id:
            raise existing(USER, f"users/{user_id}")
        user = self.add_user(user_id, request.user, store)
        if request.request_id:
            store.requests[key] = user_id
        return shown(user)

    def add_user(self, user_id: str, given: Message, store: Store) -> Message:
        user = User()
        user.CopyFrom(given)
        user.name = f"users/{user_id}"
        user.create_time.GetCurrentTime()
        user.update_time.CopyFrom(user.create_time)
        store.users.put(user_id, user)
        self.tell(store, UserEvent.KIND_CREATED, user)
        return user

    def get_user(self, request: Message, store: Store) -> Message:
        return shown(self.found_user(request.name, store))

    def found_user(self, name: str, store: Store) -> Message:
        user = store.users.by_id.get(id_of(name))
        if user is None:
            raise missing(USER, name)
        return user

    def batch_get_users(self, request: Message, store: Store) -> Message:
        return message("BatchGetUsersResponse")(users=[shown(self.found_user(name, store)) for name in request.names])

    def list_users(self, request: Message, store: Store) -> Message:
        scope = f"{store.owner}/users"
        size = paging.size_of(request.page_size)
        users = store.users.after(paging.start_of(request.page_token, scope), size + 1)
        token = paging.token_after(id_of(users[size - 1].name), scope) if len(users) > size else ""
        return message("ListUsersResponse")(
            users=map(shown, users[:size]), next_page_token=token, total_size=len(store.users)
        )

    def update_user(self, request: Message, store: Store) -> Message:
        old = self.found_user(request.user.name, store)
        user = masks.merged(old, request.user, request.update_mask.paths, _FIXED)
        if wrong := validation.unset(user, "user."):
            raise invalid(*wrong)
        if user == old:
            return shown(old)
        user.update_time.GetCurrentTime()
        store.users.put(id_of(user.name), user)
        self.tell(store, UserEvent.KIND_UPDATED, user)
        return shown(user)

    def delete_user(self, request: Message, store: Store) -> Message:
        user_id = id_of(request.name)
        if user_id not in store.users.by_id:
            if request.allow_missing:
                return empty_pb2.Empty()
            raise missing(USER, request.name)
        self.tell(store, UserEvent.KIND_DELETED, store.forget_user(user_id))
        return empty_pb2.Empty()

    def tell(self, store: Store, kind: int, user: Message) -> None:
        store.tell(UserEvent(kind=kind, user=shown(user), total_size=len(store.users)))

    def watch_users(self, request: Message, store: Store) -> Conversation:
        feed = Feed()
        with self.lock:
            store.feeds.append(feed)
            snapshot = UserEvent(kind=UserEvent.KIND_SNAPSHOT, total_size=len(store.users))
        try:
            yield snapshot
            while True:
                yield Next(feed)
                event = feed.news.popleft()
                if not request.kinds or event.kind in request.kinds:
                    yield event
        finally:
            with self.lock:
                store.feeds.remove(feed)

    def export_users(self, request: Message, store: Store) -> Conversation:
        with self.lock:
            users = store.users.after("", request.limit or 100)
        yield from map(shown, users)

    def import_users(self, store: Store) -> Conversation:
        staged: dict[str, Message] = {}
        while (request := (yield REQUEST)) is not None:
            user_id = request.user_id or store.users.new_id("u")
            if user_id in staged or user_id in store.users.by_id:
                raise existing(USER, f"users/{user_id}")
            staged[user_id] = request.user
        yield Settle()
        with self.lock:
            for user_id in staged:
                if user_id in store.users.by_id:
                    raise existing(USER, f"users/{user_id}")
            names = [self.add_user(user_id, user, store).name for user_id, user in staged.items()]
        yield message("ImportUsersResponse")(imported_count=len(names), names=names)

    def lookup_users(self, store: Store) -> Conversation:
        while (request := (yield REQUEST)) is not None:
            user = store.users.by_id.get(id_of(request.name))
            yield message("LookupUsersResponse")(name=request.name, user=None if user is None else shown(user))

    def send_invitation(self, request: Message, _: Store) -> Message:
        answer = message("SendInvitationResponse")(receipt=f"rcpt-{secrets.token_hex(4)}")
        answer.status.SetInParent()
        if request.HasField("push") and not request.push.device:
            answer.ClearField("receipt")
            answer.status.error_code = 5  # NOT_FOUND
            answer.status.reason = "The push channel names no device."
        return answer
