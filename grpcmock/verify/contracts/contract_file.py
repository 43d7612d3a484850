"""Contract files: what a consumer asks of its provider, read and written; Pact files are read, too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from grpcmock.errors import GrpcmockError, Location, Problems, did_you_mean
from grpcmock.reports import files
from grpcmock.stubs.dump import to_yaml
from grpcmock.stubs.files import read_bytes
from grpcmock.stubs.parser import parse_stub
from grpcmock.stubs.rows import stubs_of_rows
from grpcmock.stubs.yaml import parse
from grpcmock.verify.contracts import pact
from grpcmock.verify.contracts.used_stubs import UsedStubs
from grpcmock.verify.fingerprints import fingerprint
from grpcmock.verify.planning.interactions import Source

if TYPE_CHECKING:
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub
    from grpcmock.tree import Node

VERSION = 1

_MARK = "grpcmock-contract"
_NUMBERED = re.compile(r" \(\d+\)$")
_KEYS = (_MARK, "consumer", "provider", "descriptors", "stubs")


def read(path: Path, registry: Registry | None, problems: Problems) -> Source:
    """Read a contract or a Pact file. What is wrong goes to *problems*, all of it.

    *registry* decodes the messages of a Pact file that brings no descriptors along.
    """
    text = read_bytes(path, problems)
    return Source(stubs=(), file=str(path)) if text is None else read_text(text, path, registry, problems)


def read_text(text: bytes | str, path: Path, registry: Registry | None, problems: Problems) -> Source:
    """Read what is in such a file. What is wrong goes to *problems*, all of it."""
    nothing = Source(stubs=(), file=str(path))
    documents = list(parse(text, str(path), problems))
    if len(documents) != 1 or not documents[0].is_mapping:
        if not problems.errors:
            hint = "It begins with `grpcmock-contract: 1`, or is the JSON of a Pact."
            problems.error("This is no contract.", Location(str(path)), hint=hint, rule="contract")
        return nothing
    document = documents[0]
    if "interactions" in document.value:
        return pact.read(document.plain(), path, registry, problems)
    return _read(document, path, problems)


def _read(document: Node, path: Path, problems: Problems) -> Source:
    where = document.location
    given: dict[str, Node] = document.value
    if _MARK not in given:
        hint = "Stubs alone are verified with --stubs." if "stubs" in given or "method" in given else ""
        problems.error(f"A contract begins with `{_MARK}: {VERSION}`.", where, hint=hint, rule="contract")
        return Source(stubs=(), file=str(path))
    if given[_MARK].value != VERSION:
        problems.error(
            f"This contract is of version {given[_MARK].plain()!r}; this grpcmock reads version {VERSION}.",
            given[_MARK].location,
            _MARK,
            hint="Is there a newer grpcmock?",
            rule="contract",
        )
    for key in given:
        if key not in _KEYS:
            hint = did_you_mean(str(key), _KEYS, known="The keys")
            problems.error(f"A contract has no key {key!r}.", document.key_location(key), hint=hint, rule="unknown-key")
    consumer = given.get("consumer")
    if consumer is None or not isinstance(consumer.value, str) or not consumer.value:
        problems.error("A contract names its consumer, a string.", (consumer or document).location, "consumer")
    listed = given.get("stubs")
    if listed is None or not listed.is_list:
        problems.error("A contract has a list of 'stubs'.", (listed or document).location, "stubs", rule="contract")
    hashes = given.get("descriptors")
    return Source(
        stubs=_stubs(listed.value if listed is not None and listed.is_list else [], path, problems),
        consumer=str(consumer.value) if consumer is not None else "",
        file=str(path),
        descriptors=dict(hashes.plain()) if hashes is not None and hashes.is_mapping else {},
    )


def _stubs(nodes: Iterable[Node], path: Path, problems: Problems) -> list[Stub]:
    found: list[Stub] = []
    for node in nodes:
        if node.is_mapping and "each" in node.value:
            found += stubs_of_rows(node, path.parent, problems)
        elif (stub := parse_stub(node, problems)) is not None:
            found.append(stub)
    names: dict[str, Stub] = {}
    for stub in found:
        if names.setdefault(stub.name, stub) is not stub:
            text = f"The name {stub.name!r} is taken by the stub at {names[stub.name].location}."
            problems.error(text, stub.location, "name", stub=stub.name, rule="duplicate-name")
    return found


def to_text(consumer: str, stubs: Sequence[Stub], registry: Registry, *, provider: str = "") -> str:
    """Write a contract. Raises :class:`StubError` for a stub that the format can't say."""
    methods = {}
    for stub in stubs:
        try:
            method = registry.method(stub.method)
        except GrpcmockError:
            continue  # said when the contract is verified
        methods[method.full_name] = fingerprint(method)
    return _text(consumer, stubs, methods, provider)


def joined(consumer: str, parts: Sequence[Source]) -> tuple[str, int]:
    """Write one contract of those that parts of a run have written; return its text, and the number of its stubs."""
    used = UsedStubs()
    for part in parts:
        names = {stub.name for stub in part.stubs}
        for stub in part.stubs:
            # Those of one name were told apart within each part; of all parts, it is done anew.
            name = _NUMBERED.sub("", stub.name)
            used.add(replace(stub, name=name) if name in names else stub)
    stubs = sorted(used.stubs, key=lambda stub: stub.name)  # whichever part they came from
    methods = {name: known for part in parts for name, known in part.descriptors.items()}
    return _text(consumer, stubs, methods), len(stubs)


def _text(consumer: str, stubs: Sequence[Stub], methods: Mapping[str, str], provider: str = "") -> str:
    head: dict[str, Any] = {_MARK: VERSION, "consumer": consumer}
    if provider:
        head["provider"] = provider
    head["descriptors"] = dict(sorted(methods.items()))
    comment = f"# What {consumer} asks of its provider.".replace("\n", " ")
    listed = to_yaml(stubs) if stubs else "[]\n"
    return (
        f"{comment} Verify a server with `grpcmock verify TARGET --contract FILE`.\n"
        f"{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}stubs:\n{listed}"
    )


def write(path: Path, consumer: str, stubs: Sequence[Stub], registry: Registry, *, provider: str = "") -> None:
    """Write a contract to a file, whole or not at all. Raises :class:`StubError` or :class:`ConfigError`."""
    files.write(path, to_text(consumer, stubs, registry, provider=provider))


def distinct(sources: Iterable[Source]) -> list[Source]:
    """Tell contracts of consumers with the same name apart, by their files."""
    found: list[Source] = []
    taken: set[str] = set()
    for source in sources:
        if source.consumer in taken:
            source = replace(source, consumer=f"{source.consumer} ({source.file})")
        taken.add(source.consumer)
        found.append(source)
    return found
