"""The wire phase: bytes that are no message or a non-canonical one, and requests that no gRPC library would send.

Whatever a server may only do if it reads a message is checked against calls that show whether it does: on a method that
takes a stream, calls without any message, or with good ones, go before the one that is tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from grpcmock.client.actions import HALF_CLOSE, Send
from grpcmock.fuzz.model.cases import Call, Case, Expect, Measure, call_of
from grpcmock.fuzz.phases.interleaving import by_rounds
from grpcmock.fuzz.phases.wire_cases import SHORT, WireCases, good_message
from grpcmock.fuzz.phases.wire_targets import DEEP, FRAMING, GARBLED, MALFORMED, TEXT
from grpcmock.fuzz.wire import framing, metadata_shapes, requests
from grpcmock.fuzz.wire.encoding import Record, WireType, free_number, tag, varint
from grpcmock.fuzz.wire.malformed import ELSEWHERE, bad_texts, deepest, malformed, too_deep
from grpcmock.fuzz.wire.non_canonical import non_canonical
from grpcmock.fuzz.wire.variants import shown
from grpcmock.schema.method import MethodKind
from grpcmock.schema.reflection import VERSIONS

if TYPE_CHECKING:
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

BOMB = 64 << 20
"""Bytes that the compressed bomb unpacks to."""

_LARGEST = 64 << 20
"""Requests larger than that aren't sent, whatever the limit."""

_LIST_SERVICES = b"\x3a\0"
"""A request to the reflection service for the names of all services."""

_CUT_TAG = b"\x80"

_SECOND_NON_CANONICAL = frozenset(("unknown-bytes", "unknown-group", "reordered", "padded-tags"))

_ENDLESS = frozenset(("unknown-varint", "unknown-group", "reordered", "padded-varints"))
"""The non-canonical messages that are tried where each call takes its time, since the stream doesn't end by itself."""


def parts(method: Method, plan: Plan) -> Iterator[Iterator[Case]]:
    """Yield the cases of one method: those of the least cost first and one for each rule, then what a library answers
    rather than a handler, then the rest of all rules in turns."""
    maker = _Maker(method, plan)
    rounds = by_rounds(chain(maker.undecodable(), maker.tolerated(), maker.shapes_of_metadata()), key=_sort)
    yield iter(())  # after what shows best while little has happened
    yield chain(maker.least(), next(rounds, ()))
    yield maker.by_library()
    yield chain.from_iterable(rounds)


def notices(plan: Plan) -> Iterator[str]:
    """Yield nothing: this phase can always be made."""
    del plan
    return iter(())


def _sort(case: Case) -> tuple[str, str]:
    """Tell cases apart by their group and rule: a server that copes with one of a sort likely copes with others."""
    return case.id.split("/")[2], case.rule


class _Maker(WireCases):
    """Makes the cases of one method."""

    def least(self) -> Iterator[Case]:
        """Yield the cases of the least cost."""
        if (deep := deepest(self.method.input, self.good)) is not None:
            yield self._case(f"depth/{deep.name}", deep.why, [self._call(deep.data)], path=shown(deep.path))
        yield from self.counts()
        yield from self.parsing()
        yield from self.unknown_methods()
        yield from self.statuses()
        if self._is_first:
            yield from self.reflection()
        if self.method is self._spokesman:
            yield from self.sizes()
            yield from self.bomb()
            yield from self.compressions()

    def by_library(self) -> Iterator[Case]:
        """Yield what a library answers rather than a handler: alike for all methods of a kind, or for all."""
        if self.method is next(other for other in self.plan.methods if other.kind is self.method.kind):
            yield from self.framings()
            if self.method is not self._spokesman:
                yield from self.compressions()
        if self._is_first:
            yield from self.ill_headed()

    @property
    def _spokesman(self) -> Method:
        """The method that stands for all others in what takes long and is the library's."""
        return next((other for other in self.plan.methods if other.kind is MethodKind.UNARY), self.plan.methods[0])

    # What goes over gRPC's own library ------------------------------------------------------------

    def counts(self) -> Iterator[Case]:
        """Yield calls with none and with two messages, where there must be one."""
        if self._streams:
            return
        none = replace(self._call(), deadline=SHORT)
        why = "half-close without a message"
        yield self._case("requests/none", why, [none], target="request_count", rule="requests.none", mostly_idle=True)
        # Most libraries take two requests for one: another method shows whether this one's does.
        other = self._other()
        good = good_message(other, self.plan) if other is not None else b""
        before = [call_of(other, good), call_of(other, good, good)] if other is not None else []
        calls = [*before, self._call(self.good, self.good)]
        yield self._case("requests/two", "two messages", calls, target="request_count", rule="requests.two")

    def parsing(self) -> Iterator[Case]:
        """Yield a call whose request can't be parsed, after one of another method: it shows what the library makes of
        that, and what a handler does."""
        if (other := self._other()) is not None:
            good = (
                [self._call(self.good)] if self._streams else []
            )  # a handler of a stream may fail before it reads any
            calls = [call_of(other, _CUT_TAG), *good, self._call(_CUT_TAG)]
            why = f"a tag that doesn't end, as {other.full_name} gets it"
            expect = Expect.UNDECODABLE
            yield self._case("malformed/elsewhere", why, calls, target="malformed_wire", expect=expect, rule=ELSEWHERE)

    def _other(self) -> Method | None:
        """Give another method that takes one request, or a stream of them, as this one does: a unary one if there is
        any; None if there is no other."""
        return next(iter(self._others()), None)

    def undecodable(self) -> Iterator[Case]:
        descriptor = self.method.input
        for variant in malformed(descriptor, self.good):
            yield from self._refused(MALFORMED, variant, variant.name)
        if self.good:
            for variant in malformed(descriptor, b""):
                yield from self._refused(MALFORMED, variant, f"empty+{variant.name}")
        for variant in bad_texts(descriptor, self.good, self._is_valid):
            yield from self._refused(TEXT, variant, variant.name)
        for variant in too_deep(descriptor, self.good):
            yield from self._refused(DEEP, variant, variant.name)

    def tolerated(self) -> Iterator[Case]:
        descriptor = self.method.input
        for variant in non_canonical(descriptor, self.good):
            name = variant.name.rpartition("/")[2]
            if name not in _ENDLESS and self.method.path in self.plan.expectations.open_ended:
                continue
            other, canonical = self._call(variant.data), self._call(variant.canonical)
            label = f"non_canonical/{variant.name}"
            yield self._same(label, variant.why, other, canonical, variant.rule, shown(variant.path))
            if self._streams and name in _SECOND_NON_CANONICAL and "/" not in variant.name:
                other, canonical = self._call(self.good, variant.data), self._call(self.good, variant.canonical)
                why = f"{variant.why}, after a good message"
                yield self._same(f"{label}+second", why, other, canonical, variant.rule)
        if self.good:
            for variant in non_canonical(descriptor, b""):
                if variant.name.startswith("unknown-"):
                    other, canonical = self._call(variant.data), self._call(b"")
                    yield self._same(f"non_canonical/empty+{variant.name}", variant.why, other, canonical, variant.rule)

    def shapes_of_metadata(self) -> Iterator[Case]:
        good = self._call(self.good)
        for name, why, pairs in metadata_shapes.shapes():
            calls = (good, replace(good, metadata=pairs))
            rule = f"metadata.{metadata_shapes.sort_of(pairs)}"
            yield self._case(f"metadata/{name}", f"metadata: {why}", calls, target="metadata", rule=rule)

    def sizes(self) -> Iterator[Case]:
        """Yield messages just below and just above the limit, padded with an unknown field."""
        limit = self.plan.expectations.max_message_bytes
        if not 1024 < limit <= _LARGEST:
            return
        number = free_number(self.method.input)
        for name, size in (("under", limit - 64), ("over", limit + 1)):
            room = size - len(self.good) - len(tag(number, WireType.LENGTH)) - len(varint(size))
            if room < 0:
                continue
            data = self.good + Record(number, WireType.LENGTH, bytes(room)).encoded()
            before = (self._call(), self._call(self.good)) if self._streams else (self._call(self.good),)
            why = f"a message of {len(data):,} bytes, just {name} the limit of {limit:,}"
            calls = (*before, self._call(data))
            yield self._case(f"size/{name}", why, calls, target="size_limit", rule=f"size.{name}")

    # What goes over HTTP/2 as it stands -----------------------------------------------------------

    def unknown_methods(self) -> Iterator[Case]:
        service, name = self.method.service, self.method.name
        known = self.plan.registry.methods
        for label, why, path in (
            ("method", "a method that the service doesn't have", f"/{service}/{name}GrpcmockUnknown"),
            ("case", "the name of the method in lower case", f"/{service}/{name.lower()}"),
            ("slash", "a slash after the name of the method", f"/{service}/{name}/"),
            ("service", "a service that doesn't exist", f"/{service}GrpcmockUnknown/{name}"),
            ("package", "the service without its package", f"/{service.rpartition('.')[2]}/{name}"),
        ):
            if path not in known:
                call = Call(path=path, method=None, actions=self._call(self.good).actions)
                yield self._case(f"unknown/{label}", why, [call], target="unimplemented", rule=f"unknown.{label}")

    def reflection(self) -> Iterator[Case]:
        """Yield a look at what the server says of itself: the run asks for all of it."""
        path = f"/{VERSIONS[0]}/ServerReflectionInfo"
        call = Call(path=path, method=None, actions=(Send(_LIST_SERVICES), HALF_CLOSE))
        case = self._case(
            "reflection", "what the server says of itself by reflection", [call], target="reflection_truth"
        )
        yield replace(case, measures=frozenset({Measure.REFLECTION}))

    def statuses(self) -> Iterator[Case]:
        """Yield calls that show the status as the server writes it: libraries change what isn't a status of gRPC."""
        for name, why, data in (
            ("good", "a good message", self.good),
            ("empty", "the empty message", b""),
            ("malformed", "a message that ends within a tag", self.good + b"\x80"),
        ):
            expect = Expect.UNDECODABLE if name == "malformed" else Expect.ANY
            call = self._raw(requests.of(self.method, data))
            why = f"{why}, to see the status as it is on the wire"
            yield self._case(f"status/{name}", why, [call], target="reserved_code", expect=expect)

    def framings(self) -> Iterator[Case]:
        path = self.method.path
        for variant in framing.broken(path, self.good):
            yield self._raw_refused(FRAMING, variant)
        canonical = self._raw(requests.good(path, self.good))
        twice = self._raw(requests.good(path, self.good, self.good))
        for variant in framing.split_unusually(path, self.good, streams=self._streams):
            same_as = twice if variant.name in ("one-frame", "across") else canonical
            other = self._raw(variant.request)
            yield self._same(f"framing/{variant.name}", variant.why, other, same_as, variant.rule)
        for variant in framing.unfinished(path, self.good):
            call = self._raw(variant.request, deadline=SHORT)
            yield self._case(f"framing/{variant.name}", variant.why, [call], rule=variant.rule, mostly_idle=True)
        if self._streams:
            empty = self._raw(requests.good(path, *[b""] * 100))
            yield self._case("framing/empty-messages", "a hundred messages of no bytes", [empty], rule="framing.empty")

    def compressions(self) -> Iterator[Case]:
        path = self.method.path
        plain = self._raw(requests.good(path, self.good))
        for encoding in ("gzip", "deflate"):
            chunk = requests.framed(requests.packed(self.good, encoding), flag=1)
            yield self._compressed(encoding, f"a message compressed with {encoding}", plain, encoding, chunk)
        why = "a plain message under grpc-encoding: gzip"
        yield self._compressed("unused", why, plain, "gzip", requests.framed(self.good))
        packed = requests.packed(self.good, "gzip")
        bad = [
            ("garbage-gzip", "garbage, said to be gzip", "gzip", b"\x1f\x8b\x08 no gzip at all"),
            ("garbage-deflate", "garbage, said to be deflate", "deflate", b"\x78\x9c no deflate"),
            ("cut", "gzip that is cut short", "gzip", packed[: len(packed) // 2]),
            ("unnamed", "a compressed message without grpc-encoding", None, packed),
            ("unknown", "a compression that nobody knows", "grpcmock", packed),
        ]
        for name, why, named, data in bad:
            yield self._garbled(name, why, named, data)

    def bomb(self) -> Iterator[Case]:
        """Yield a compressed message that is far larger than the limit once it is unpacked."""
        if self.plan.expectations.max_message_bytes < BOMB:
            head = self.good + tag(free_number(self.method.input), WireType.LENGTH) + varint(BOMB)
            why = f"{BOMB >> 20} MiB of zeros in 64 KiB of gzip"
            yield self._garbled("bomb", why, "gzip", requests.bomb(head, BOMB))

    def _garbled(self, name: str, why: str, named: str | None, data: bytes) -> Case:
        request = replace(requests.good(self.method.path), chunks=(requests.framed(data, flag=1),))
        request = requests.headed(request, {"grpc-encoding": named} if named else {})
        return self._raw_refused(GARBLED, framing.RawVariant(name, why, f"compression.{name}", request))

    def _compressed(self, name: str, why: str, plain: Call, encoding: str, chunk: bytes) -> Case:
        request = replace(requests.good(self.method.path), chunks=(chunk,))
        call = self._raw(requests.headed(request, {"grpc-encoding": encoding}))
        return self._case(f"compression/{name}", why, [plain, call], target="compression", rule=f"compression.{name}")

    def ill_headed(self) -> Iterator[Case]:
        for variant in framing.ill_headed(self.method.path, self.good):
            call = self._raw(variant.request, deadline=SHORT)
            label = f"headers/{variant.name}"
            expect = Expect.UNDECODABLE
            yield self._case(
                label, variant.why, [call], target="metadata", expect=expect, rule=variant.rule, mostly_idle=True
            )
