"""A failure as a Python program that needs nothing but grpcio (and h2 for what gRPC can't send)."""

from __future__ import annotations

import base64
import textwrap
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from grpcmock.client.actions import Action, Cancel, HalfClose, Headers, Pause, Receive, Send
from grpcmock.fuzz.model.cases import Caller
from grpcmock.fuzz.model.message_text import message_text
from grpcmock.fuzz.reproducers.errors import NotSayableError
from grpcmock.fuzz.reproducers.identities import identities, pairs
from grpcmock.fuzz.wire.program import literal, snippet

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.replay.case_file import CaseFile
    from grpcmock.fuzz.reproducers.identities import Given
    from grpcmock.schema import Registry

DEADLINE = 10.0
"""Of a call that has none of its own, in seconds."""

_PROGRAM = """\
# {title}
{imports}

TARGET = {address!r}
METADATA = {metadata}
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0), ("grpc.max_receive_message_length", -1)]


async def read(call, responses, unread=0):
    await asyncio.sleep(unread)
    async for response in call:
        responses.append(response)
        print("response", response)


async def reach(call, responses, count):
    while len(responses) < count and not call.done():
        await asyncio.sleep(0.01)


async def end(call, reading):
    await asyncio.gather(reading, return_exceptions=True)
    print("status", (await call.code()).name, repr(await call.details()))
    for key, value in await call.trailing_metadata() or ():
        print("trailer", key, repr(value))

{helpers}
async def case(channel):
{body}

async def main():
    async with {channel} as channel:
{run}

asyncio.run(main())
"""

_FILL = """
# The messages, for a value that an earlier answer holds and a later request needs.
POOL = descriptor_pool.DescriptorPool()
for file in descriptor_pb2.FileDescriptorSet.FromString(zlib.decompress(base64.b64decode(
    {files}
))).file:
    POOL.AddSerializedFile(file.SerializeToString())


def filled(request, request_type, response, response_type, source, target):
    request, response = (
        message_factory.GetMessageClass(POOL.FindMessageTypeByName(name)).FromString(data)
        for name, data in ((request_type, request), (response_type, response))
    )
    value = response
    for step in source:
        value = getattr(value, step) if isinstance(step, str) and hasattr(value, step) else value[step]
    place = request
    for step in target[:-1]:
        place = getattr(place, step) if isinstance(step, str) and hasattr(place, step) else place[step]
    if not hasattr(place, "DESCRIPTOR"):
        place[target[-1]] = value
    elif hasattr(getattr(place, target[-1]), "CopyFrom"):
        getattr(place, target[-1]).CopyFrom(value)
    elif hasattr(getattr(place, target[-1]), "extend"):
        getattr(place, target[-1])[:] = value if isinstance(value, list) else [value]
    else:
        setattr(place, target[-1], value)
    return request.SerializeToString()

"""


def write(case_file: CaseFile, target: Target, registry: Registry, result: CaseResult | None = None) -> str:
    """Write the program. It prints what comes back, and checks nothing."""
    del result
    if any(call.raw is not None for call in case_file.made):
        if not case_file.case.targets and len(case_file.made) * case_file.case.repeat > 1:
            raise NotSayableError("these are several raw requests, which only `grpcmock replay` makes.")
        if len(case_file.made) == 1 and case_file.made[0].raw is not None:
            return f"# {_title(case_file)}\n{snippet(case_file.made[0].raw, target)}"
        return _several_raw(case_file, target)
    calls = case_file.case.calls if any(call.bindings for call in case_file.case.calls) else case_file.made
    bindings = any(call.bindings for call in calls)
    helpers = _FILL.format(files=_wrapped(_packed(registry.files))) if bindings else ""
    libraries = ["from google.protobuf import descriptor_pb2, descriptor_pool, message_factory"] if bindings else []
    given = identities(case_file, target)
    body = "\n".join(line for index, call in enumerate(calls) for line in _call(index, call, calls, given))
    metadata = pairs(given[Caller.OWN])
    return _PROGRAM.format(
        title=_title(case_file),
        imports="\n".join(_imports(body + helpers + metadata, target, libraries)),
        address=target.address,
        metadata=metadata,
        helpers=helpers,
        body=textwrap.indent(body, "    "),
        channel=_channel(target),
        run=textwrap.indent(_run(case_file), " " * 8),
    )


def _several_raw(case_file: CaseFile, target: Target) -> str:
    """The last raw request is the one that failed; those before it say what it is compared with."""
    last = case_file.made[-1]
    if last.raw is None:
        raise NotSayableError("its calls are partly below gRPC and partly not; `grpcmock replay` makes them.")
    return f"# {_title(case_file)}\n# The last of {len(case_file.made)} requests.\n{snippet(last.raw, target)}"


def _title(case_file: CaseFile) -> str:
    return f"{case_file.id}: {case_file.case.method}, {case_file.case.why}: {case_file.expected}".replace(
        "\n", " "
    ).replace("\r", " ")


def _imports(text: str, target: Target, libraries: list[str]) -> Iterator[str]:
    yield "import asyncio"
    used = {name: f"{name}." in text for name in ("base64", "os", "zlib")}
    yield from (f"import {name}" for name, is_used in used.items() if is_used)
    if target.tls is not None:
        yield "from pathlib import Path"
    yield ""
    yield "import grpc"
    yield "import grpc.aio"
    yield from libraries


def _call(index: int, call: Call, calls: tuple[Call, ...], given: Mapping[Caller, Given]) -> Iterator[str]:
    metadata = "METADATA" if call.caller is Caller.OWN else pairs(given[call.caller])
    if call.metadata:
        own = "".join(f"({key!r}, {value!r}), " for key, value in call.metadata).rstrip()
        metadata = f"(*{metadata}, {own})"
    compression = {"gzip": "Gzip", "deflate": "Deflate"}.get(call.compression)
    more = f", compression=grpc.Compression.{compression}" if compression else ""
    deadline = DEADLINE if call.deadline is None else call.deadline
    yield f"# {call.path.removeprefix('/')}"
    yield f"call_{index} = channel.stream_stream({call.path!r})(timeout={deadline:g}, metadata={metadata}{more})"
    yield f"responses_{index} = []"
    unread = f", {call.unread:g}" if call.unread else ""
    yield f"reading_{index} = asyncio.create_task(read(call_{index}, responses_{index}{unread}))"
    steps = list(_steps(index, call, calls))
    if steps:
        yield "try:"
        yield from (f"    {step}" for step in steps)
        yield "except (grpc.aio.AioRpcError, asyncio.InvalidStateError, asyncio.CancelledError):"
        yield "    pass  # the call has ended already"
    yield f"await end(call_{index}, reading_{index})"


def _steps(index: int, call: Call, calls: tuple[Call, ...]) -> Iterator[str]:
    awaited = 0
    bindings = list(call.bindings)
    for action in call.actions:
        if isinstance(action, Receive):
            awaited += action.count
            yield f"await reach(call_{index}, responses_{index}, {awaited})"
        elif isinstance(action, Send):
            yield from _send(index, call, action, calls, bind=bool(bindings))
            bindings.clear()  # they are for the first message
        else:
            yield _step(index, action)


def _send(index: int, call: Call, action: Send, calls: tuple[Call, ...], *, bind: bool) -> Iterator[str]:
    shown = message_text(action.data, call.method)
    if not shown.startswith("hex ") and len(shown) <= 100:
        yield f"# {shown}"
    if not bind:
        yield f"await call_{index}.write({literal(action.data)})"
        return
    assert call.method is not None
    yield f"request = {literal(action.data)}"
    for binding in call.bindings:
        earlier = calls[binding.call].method
        if earlier is None:
            continue
        names = f"{call.method.input.full_name!r}, responses_{binding.call}[0], {earlier.output.full_name!r}"
        yield f"if responses_{binding.call}:"
        yield f"    request = filled(request, {names}, {binding.source!r}, {binding.target!r})"
    yield f"await call_{index}.write(request)"


def _step(index: int, action: Action) -> str:
    match action:
        case HalfClose():
            return f"await call_{index}.done_writing()"
        case Cancel():
            return f"call_{index}.cancel()"
        case Headers():
            return f"await call_{index}.initial_metadata()"
        case Pause():
            return f"await asyncio.sleep({action.seconds:g})"
        case _:
            raise AssertionError(action)


def _run(case_file: CaseFile) -> str:
    repeat = case_file.case.repeat
    if repeat == 1:
        return "await case(channel)"
    if case_file.case.concurrent:
        together = f"await asyncio.gather(*(case(channel) for _ in range({max(repeat - 2, 1)})))"
        return f"await case(channel)\n{together}\nawait case(channel)"
    return f"for _ in range({repeat}):\n    await case(channel)"


def _channel(target: Target) -> str:
    options = "options=OPTIONS"
    if target.authority:
        options = f'options=[*OPTIONS, ("grpc.default_authority", {target.authority!r})]'
    tls = target.tls
    if tls is None:
        return f"grpc.aio.insecure_channel(TARGET, {options})"
    files = (tls.ca, tls.key, tls.cert)
    given = ", ".join("None" if path is None else f"Path({str(path)!r}).read_bytes()" for path in files)
    return f"grpc.aio.secure_channel(TARGET, grpc.ssl_channel_credentials({given}), {options})"


def _packed(files: FileDescriptorSet) -> str:
    return base64.b64encode(zlib.compress(files.SerializeToString(), 9)).decode()


def _wrapped(text: str) -> str:
    return "\n    ".join(f'"{line}"' for line in textwrap.wrap(text, 100))
