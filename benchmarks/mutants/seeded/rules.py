"""Bugs in what is accepted and what is refused: rules, bounds, required fields, idempotency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.mutants.catalogue import seeded
from benchmarks.mutants.notes import Directory
from benchmarks.mutants.steps import Violation
from benchmarks.mutants.users import id_of, shown

if TYPE_CHECKING:
    from benchmarks.mutants.schema import Message
    from benchmarks.mutants.store import Store
    from grpcmock.schema import Method

_USER = '"displayName": "a", "email": "a@b.co"'


class _Forgiving(Directory):
    """Leaves out some of what is wrong with a request to create a user."""

    def violations(self, method: Method, request: Message) -> list[Violation]:
        found = super().violations(method, request)
        return [one for one in found if not self.forgives(one, request)] if method.name == "CreateUser" else found

    def forgives(self, violation: Violation, request: Message) -> bool:
        raise NotImplementedError


class _Strict(Directory):
    """Finds more wrong with a request to create a user than there is."""

    def violations(self, method: Method, request: Message) -> list[Violation]:
        found = super().violations(method, request)
        if method.name == "CreateUser" and not found and (path := self.dislikes(request.user)):
            return [Violation(path, "is not allowed")]
        return found

    def dislikes(self, user: Message) -> str:
        """Name the field that is disliked; empty if there is none."""
        raise NotImplementedError


@seeded("G125", "G124", "G129", method="UserService/CreateUser", request='{"user": {"displayName": "a"}}', fields=2)
class RequiredNotEnforced(_Forgiving):
    """Creates users without the e-mail address that its proto requires."""

    def forgives(self, violation: Violation, request: Message) -> bool:
        return violation.path == "user.email" and violation.text == "is required"


@seeded(
    "G125",
    "G127",
    "G123",
    method="UserService/CreateUser",
    request='{"user": {"displayName": "a", "email": ""}}',
    fields=3,
)
class AnyEmail(_Forgiving):
    """Takes any text for an e-mail address."""

    def forgives(self, violation: Violation, request: Message) -> bool:
        return violation.path == "user.email" and bool(violation.rule)


@seeded(
    "G125", "G127", "G123", method="UserService/CreateUser", request=f'{{"user": {{{_USER}, "plan": 3}}}}', fields=4
)
class AnyPlan(_Forgiving):
    """Takes plans that are not declared, against the rule."""

    def forgives(self, violation: Violation, request: Message) -> bool:
        return violation.path == "user.plan"


@seeded("G125", method="UserService/SendInvitation", request="{}", fields=0)
class AnyChannel(Directory):
    """Sends invitations by no channel, against the rule of the oneof."""

    def violations(self, method: Method, request: Message) -> list[Violation]:
        found = super().violations(method, request)
        return [one for one in found if one.path != "channel"]


@seeded(
    "G126", method="UserService/CreateUser", request=f'{{"user": {{{_USER}, "address": {{"city": "a"}}}}}}', fields=5
)
class PostalCodeRequired(_Strict):
    """Refuses addresses without a postal code, which no rule asks for."""

    def dislikes(self, user: Message) -> str:
        return "user.address.postal_code" if user.HasField("address") and not user.address.postal_code else ""


@seeded("G126", "G135", method="UserService/UpdateUser", request='{"user": {"name": "users/aaa"}}', fields=2, calls=2)
class FullUpdatesOnly(Directory):
    """Refuses an update that doesn't repeat the required fields, although its mask leaves them out."""

    def violations(self, method: Method, request: Message) -> list[Violation]:
        found = super().violations(method, request)
        if method.name == "UpdateUser" and not found and not request.user.HasField("email"):
            return [Violation("user.email", "is required")]
        return found


@seeded("G127", "G126", method="UserService/CreateUser", request=f'{{"user": {{{_USER}, "age": 150}}}}', fields=4)
class OldestRefused(_Strict):
    """Writes < where the rule says ≤."""

    def dislikes(self, user: Message) -> str:
        return "user.age" if user.age == 150 else ""


@seeded(
    "G127",
    "G125",
    "G123",
    method="UserService/CreateUser",
    request=f'{{"user": {{{_USER}, "tags": ["a", "b", "c", "d", "e", "f"]}}}}',
    fields=4,
)
class OneTagTooMany(_Forgiving):
    """Counts tags from 0."""

    def forgives(self, violation: Violation, request: Message) -> bool:
        return violation.path == "user.tags" and len(request.user.tags) == 6


@seeded(
    "G127",
    "G126",
    method="UserService/CreateUser",
    request='{"user": {"displayName": "é × 31", "email": "a@b.co"}}',
    fields=3,
)
class LengthInBytes(_Strict):
    """Counts the bytes of a name where the rule counts its characters."""

    def dislikes(self, user: Message) -> str:
        return "user.display_name" if len(user.display_name.encode()) > 60 else ""


@seeded(
    "G127",
    "G125",
    "G123",
    method="UserService/CreateUser",
    request=f'{{"user": {{{_USER}, "score": 5.000000000000001}}}}',
    fields=4,
)
class ScoreAsFloat(_Forgiving):
    """Compares a double with its bound after it was rounded."""

    def forgives(self, violation: Violation, request: Message) -> bool:
        return violation.path == "user.score" and 0 <= round(request.user.score, 3) <= 5


@seeded("G128", "G129", method="UserService/GetUser", request='{"name": "users/aaa"}', fields=1, calls=3)
class ReadingChanges(Directory):
    """Notes in the user that somebody has looked at it, although nothing should change."""

    def get_user(self, request: Message, store: Store) -> Message:
        user = self.found_user(request.name, store)
        user.update_time.seconds += 1
        return shown(user)


@seeded(
    "G128",
    "G133",
    method="UserService/CreateUser",
    request=f'{{"user": {{{_USER}}}, "requestId": "00000000-0000-4000-8000-000000000000"}}',
    fields=4,
    calls=2,
)
class RequestIdIgnored(Directory):
    """Creates another user when a request comes once more."""

    def create_user(self, request: Message, store: Store) -> Message:
        request.request_id = ""
        return super().create_user(request, store)


@seeded(
    "G128",
    "G135",
    "G129",
    method="UserService/UpdateUser",
    request='{"user": {"name": "users/aaa", "tags": ["a"]}}',
    fields=3,
    calls=3,
)
class TagsPileUp(Directory):
    """Appends the tags of an update to those there are, each time it comes."""

    def update_user(self, request: Message, store: Store) -> Message:
        tags = [*self.found_user(request.user.name, store).tags, *request.user.tags]
        if len(tags) <= 5:
            super().update_user(request, store)
            user = store.users.by_id[id_of(request.user.name)]
            user.tags[:] = tags
            return shown(user)
        return super().update_user(request, store)
