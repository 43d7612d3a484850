"""A failure as a test to keep: it makes the calls, message by field, and asserts the contract, so that it fails until
the server is fixed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.client.actions import HALF_CLOSE, Cancel, HalfClose, Headers, Pause, Receive, Send
from grpcmock.fuzz.model.cases import Caller, Expect
from grpcmock.fuzz.reproducers.errors import NotSayableError
from grpcmock.fuzz.reproducers.identities import callers, identities, pairs
from grpcmock.fuzz.reproducers.python_values import Expression, grouped, put, read, value_of, written
from grpcmock.fuzz.reproducers.script import script_of, snake
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.replay.case_file import CaseFile
    from grpcmock.fuzz.reproducers.script import Demand, Script
    from grpcmock.schema import Registry

_MODULE = '''\
"""{title}"""

{imports}

TARGET = os.environ.get("GRPCMOCK_TARGET", {address})


@pytest.fixture
def client() -> Iterator[Client]:
    with Client({arguments}) as client:
        yield client


def test_{name}(client: Client) -> None:
    """{promise}"""
{body}
'''

_LARGEST = 20_000
"""Characters of a test that somebody could still review."""

_OWN_NAMES = frozenset({"code", "status_message", "ok", "seconds", "responses", "response"})
"""Attributes of an answer, which hide the fields of these names."""


def write(case_file: CaseFile, target: Target, registry: Registry, result: CaseResult | None = None) -> str:
    """Write the module of the test. Raises :class:`NotSayableError` for what is no call of a gRPC client."""
    del result
    script = script_of(case_file, registry)
    check, case = script.check, case_file.case
    body = textwrap.indent("\n".join(_body(case_file, script, registry)), "    ")
    words = ["TARGET", *(f"{name}={value}" for name, value in _arguments(case_file, target, script))]
    arguments = ", ".join(words)
    if len(arguments) > 80:
        arguments = "".join(("\n", *(f"        {word},\n" for word in words), "    "))
    secure = target.tls is not None and not target.address.startswith("unix")
    text = _MODULE.format(
        title=_docstring(f"{check.code} {check.name}, found by grpcmock fuzz as {case_file.id}: {case.why}."),
        imports="\n".join(_imports(body + arguments)),
        address=written(f"https://{target.address}" if secure else target.address),
        arguments=arguments,
        name=f"{snake(case.method.name)}_{check.name}",
        promise=_docstring(check.title, 4),
        body=body,
    )
    if len(text) > _LARGEST:
        raise NotSayableError("its messages are too long for a test that somebody reads; --as python has them.")
    return text


def _imports(text: str) -> Iterator[str]:
    yield from (f"import {name}" for name in ("base64", "os") if name == "os" or f"{name}." in text)
    yield "from collections.abc import Iterator"
    if "Path(" in text:
        yield "from pathlib import Path"
    yield from ("", "import pytest", "")
    names = ["Cancel", "Client", "Code", "HalfClose", "Headers", "Pause", "Receive", "Tls"]
    used = [name for name in names if name == "Client" or f"{name}(" in text or f"{name}." in text]
    yield f"from grpcmock.testing import {', '.join(used)}"


def _arguments(case_file: CaseFile, target: Target, script: Script) -> Iterator[tuple[str, str]]:
    """Yield what a client needs to know besides the target: names of arguments, and Python for their values."""
    given = identities(case_file, target)
    for name in ("protos", "imports", "exclude"):
        if value := getattr(case_file, name):
            yield name, repr(list(value))
    if given[Caller.OWN]:
        yield "metadata", pairs(given[Caller.OWN])
    if Caller.OTHER in callers(case_file):
        yield "second_identity", pairs(given[Caller.OTHER])
    if target.authority:
        yield "authority", repr(target.authority)
    if target.tls is not None:
        given_files = (("ca", target.tls.ca), ("cert", target.tls.cert), ("key", target.tls.key))
        words = [f"{name}=Path({str(path)!r})" for name, path in given_files if path is not None]
        words += ["insecure=True"] if target.tls.insecure else []
        yield "tls", f"Tls({', '.join(words)})"
    if not script.demands:
        for name, value in case_file.expectations.items():
            if name not in ("stubs", "links") or name in script.check.reads:
                yield name, repr(value)


def _body(case_file: CaseFile, script: Script, registry: Registry) -> Iterator[str]:
    case = case_file.case
    calls = list(_calls(script, registry, case.repeat if case.concurrent else 1))
    if case.repeat > 1 and not case.concurrent:
        yield f"for _ in range({case.repeat}):"
        calls = [f"    {line}" for call in calls for line in call.splitlines()]
    yield from calls
    if script.demands:
        yield from (_assertion(script.names[index], demand) for index, demand in script.demands.items())
        return
    subject = script.calls[max(len(script.calls) - case.cleanup - 1, 0)]
    more = {
        "rounds": 0 if case.repeat == 1 or case.concurrent else case.repeat,
        "about": "" if subject.method is case.method else case.method.full_name,
        "expect": "" if case.expect is Expect.ANY else case.expect.value,
        "path": case.path,
        "rule": case.rule,
        "setup": case.setup,
        "cleanup": case.cleanup,
    }
    given = [f", {name}={written(value)}" for name, value in more.items() if value]
    yield f"client.check({written(script.check.name)}{''.join(given)})"


def _assertion(name: str, demand: Demand) -> str:
    if demand.codes == (Code.OK,):
        return f"assert {'' if demand.is_one else 'not '}{name}.ok"
    codes = [f"Code.{code.name}" for code in demand.codes]
    if len(codes) == 1:
        return f"assert {name}.code {'==' if demand.is_one else '!='} {codes[0]}"
    return f"assert {name}.code {'in' if demand.is_one else 'not in'} ({', '.join(codes)})"


def _calls(script: Script, registry: Registry, at_once: int) -> Iterator[str]:
    if at_once > 1 and len(script.calls) > 1:
        raise NotSayableError("these are several calls in many threads at once, which --as python has.")
    for index, call in enumerate(script.calls):
        name = script.names[index]
        begin = f"{name} = " if name else ""
        method = call.path.removeprefix("/") if call.method is None else call.method.full_name
        parts = [written(method), *_steps(call, script, registry), *_options(call, at_once)]
        line = f"{begin}client.call({', '.join(parts)})"
        if len(line) <= 108 and "\n" not in line:
            yield line
        else:
            steps = [written(method), *_steps(call, script, registry, 4), *_options(call, at_once)]
            yield f"{begin}client.call(\n{''.join(f'    {part},{chr(10)}' for part in steps)})"


def _options(call: Call, at_once: int) -> Iterator[str]:
    if call.metadata:
        yield f"metadata={tuple(call.metadata)!r}"
    if call.deadline is not None:
        yield f"deadline={call.deadline:g}"
    if call.caller is not Caller.OWN:
        yield f"caller={written(call.caller.value)}"
    if call.compression:
        yield f"compression={written(call.compression)}"
    if call.unread:
        yield f"unread={call.unread:g}"
    if at_once > 1:
        yield f"at_once={at_once}"


def _steps(call: Call, script: Script, registry: Registry, indent: int = 0) -> Iterator[str]:
    """Yield what the client does; the half-close at the end goes without saying."""
    *first, last = call.actions or (None,)
    if not isinstance(last, (Cancel, HalfClose, Pause)):
        raise NotSayableError("its client never half-closes; --as python has all steps.")
    says_end = last != HALF_CLOSE or (first and isinstance(first[-1], (Cancel, HalfClose, Pause)))
    values: list[Any] = []
    is_first = True
    for action in call.actions if says_end else first:
        if isinstance(action, Send):
            values.append(_message(action.data, call, script, registry, bind=is_first))
            is_first = False
        else:
            values.append(Expression(_STEPS[type(action)](action)))
    for value, count in grouped(values):
        if count < 4:
            yield from [written(value, indent)] * count
        else:
            yield f"*[{written(value, indent)}] * {count}"


_STEPS: dict[type[Any], Any] = {
    HalfClose: lambda _: "HalfClose()",
    Cancel: lambda _: "Cancel()",
    Headers: lambda _: "Headers()",
    Pause: lambda action: f"Pause({action.seconds:g})",
    Receive: lambda action: f"Receive({action.count if action.count != 1 else ''})",
}


def _message(data: bytes, call: Call, script: Script, registry: Registry, *, bind: bool) -> Any:
    if call.method is None:
        return data
    value = value_of(data, call.method.request_class, registry)
    for binding in call.bindings if bind else ():
        variable = script.names[binding.call]
        if binding.source and binding.source[0] in _OWN_NAMES:
            variable += ".response"
        try:
            value = put(value, binding.target, read(variable, binding.source))
        except ValueError:
            raise NotSayableError(
                "its bytes are no message in which a value could stand; --as python has it."
            ) from None
    return value


def _docstring(text: str, indent: int = 0) -> str:
    plain_text = text.encode("ascii", "backslashreplace").decode().replace("\\", "\\\\").replace('"', "'")
    return f"\n{' ' * indent}".join(textwrap.wrap(" ".join(plain_text.split()), 108))
