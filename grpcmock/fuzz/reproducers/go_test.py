"""A failure as a test in Go without generated code: requests in JSON, by the library that grpcurl is made of."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.reproducers import grpcurl_line
from grpcmock.fuzz.reproducers.identities import identities
from grpcmock.fuzz.reproducers.script import filled, json_text, response_path, script_of, statuses_of

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.cases import Call, Path
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.replay.case_file import CaseFile
    from grpcmock.fuzz.reproducers.identities import Given
    from grpcmock.fuzz.reproducers.script import Demand, Script
    from grpcmock.schema import Registry
    from grpcmock.status import Code

_FILE = """\
package contract_test // go get github.com/fullstorydev/grpcurl@v1.9.3

import (
{imports}
)

{title}
func Test{name}(t *testing.T) {{
	target := os.Getenv("GRPCMOCK_TARGET")
	if target == "" {{
		target = {address}
	}}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
{credentials}	connection, err := grpcurl.BlockingDial(ctx, "{network}", target, {creds})
	if err != nil {{
		t.Fatal(err)
	}}
	defer connection.Close()
	{source}
	call := func(within time.Duration, method, messages string, headers ...string) (*status.Status, string) {{
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		options := grpcurl.FormatOptions{{EmitJSONDefaultFields: true}}
		in, out := strings.NewReader(messages), &strings.Builder{{}}
		parser, formatter, err := grpcurl.RequestParserAndFormatter(grpcurl.FormatJSON, source, in, options)
		if err != nil {{
			t.Fatal(err)
		}}
		handler := &grpcurl.DefaultEventHandler{{Out: out, Formatter: formatter}}
		if err := grpcurl.InvokeRPC(ctx, source, connection, method, headers, handler, parser.Next); err != nil {{
			t.Fatal(err)
		}}
		return handler.Status, out.String()
	}}
{value}
{body}
}}
"""

_VALUE = """\
	value := func(response string, path ...any) string {
		t.Helper()
		var found any
		decoder := json.NewDecoder(strings.NewReader(response))
		decoder.UseNumber()
		if err := decoder.Decode(&found); err != nil {
			t.Fatalf("no response to take %v from: %v", path, err)
		}
		for _, step := range path {
			switch step := step.(type) {
			case int:
				found = found.([]any)[step]
			case string:
				found = found.(map[string]any)[step]
			}
			if found == nil {
				t.Fatalf("%v is not in %s", path, response)
			}
		}
		text, err := json.Marshal(found)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
"""

_NAMES = {"OK": "OK", "CANCELLED": "Canceled", "FAILED_PRECONDITION": "FailedPrecondition", "DATA_LOSS": "DataLoss"}
_WITHIN = 10.0
_VERB = "\0"
"""Stands for a value that is filled in."""


def write(case_file: CaseFile, target: Target, registry: Registry, result: CaseResult | None = None) -> str:
    """Write the file. Raises :class:`NotSayableError` for what that library can't send, and what no status tells."""
    del result
    script = script_of(case_file, registry)
    demands = statuses_of(script)
    given = identities(case_file, target)
    lines: list[str] = []
    for index, call in enumerate(script.calls):
        lines.append(_call(index, script, registry, given[call.caller]))
    for index, demand in demands.items():
        lines += _assertion(_local(script.names[index]), demand, script.check.title)
    has_values = any(call.bindings for call in script.calls)
    body = "\n".join(f"\t{line}" for line in lines)
    credentials, creds = _credentials(target)
    source, needs_reflection = _source(case_file)
    used = {
        '"encoding/json"': has_values,
        '"fmt"': "fmt." in body,
        '"github.com/jhump/protoreflect/grpcreflect"': needs_reflection,
        '"google.golang.org/grpc/credentials"': "credentials." in credentials + creds,
        '"google.golang.org/grpc"': "grpc.With" in creds,
    }
    return _FILE.format(
        title=_comment(f"{script.check.title} Found by grpcmock fuzz as {case_file.id}: {case_file.case.why}."),
        name=_name(case_file, script),
        imports="\n".join(_imports(used)),
        address=_text(target.address.removeprefix("unix:")),
        network="unix" if target.address.startswith("unix:") else "tcp",
        credentials=credentials,
        creds=creds,
        source=source,
        value=_VALUE if has_values else "",
        body=body,
    )


def _imports(used: dict[str, bool]) -> Iterator[str]:
    standard = ['"context"', '"encoding/json"', '"fmt"', '"os"', '"strings"', '"testing"', '"time"']
    others = [
        '"github.com/fullstorydev/grpcurl"',
        '"github.com/jhump/protoreflect/grpcreflect"',
        '"google.golang.org/grpc"',
        '"google.golang.org/grpc/codes"',
        '"google.golang.org/grpc/credentials"',
        '"google.golang.org/grpc/status"',
    ]
    yield from (f"\t{name}" for name in standard if used.get(name, True))
    yield ""
    yield from (f"\t{name}" for name in others if used.get(name, True))


def _name(case_file: CaseFile, script: Script) -> str:
    check = "".join(part.capitalize() for part in script.check.name.split("_"))
    method = re.sub(r"\W", "", case_file.case.method.name)
    return f"{method[:1].upper()}{method[1:]}{check}_{re.sub(r'[^0-9A-Za-z]', '', case_file.id.rpartition('-')[2])}"


def _credentials(target: Target) -> tuple[str, str]:
    """Return lines that come before, and the arguments for a connection."""
    tls = target.tls
    authority = f", grpc.WithAuthority({_text(target.authority)})" if target.authority else ""
    if tls is None:
        return "", f"nil{authority}"
    files = ", ".join(_text(str(path)) if path is not None else '""' for path in (tls.ca, tls.cert, tls.key))
    lines = [
        f"config, err := grpcurl.ClientTLSConfig({str(tls.insecure).lower()}, {files})",
        "if err != nil {",
        "\tt.Fatal(err)",
        "}",
    ]
    return "".join(f"\t{line}\n" for line in lines), f"credentials.NewTLS(config){authority}"


def _source(case_file: CaseFile) -> tuple[str, bool]:
    """Return what finds the descriptors, and whether it asks the server's reflection."""
    if case_file.protos and case_file.contract:
        lines = [
            "// The file is made by protoc --descriptor_set_out, or by buf build.",
            f"\tsource, err := grpcurl.DescriptorSourceFromProtoSets({_text(case_file.contract)})",
            "\tif err != nil {",
            "\t\tt.Fatal(err)",
            "\t}",
        ]
        return "\n".join(lines), False
    lines = [
        "reflection := grpcreflect.NewClientAuto(ctx, connection)",
        "\tdefer reflection.Reset()",
        "\tsource := grpcurl.DescriptorSourceFromServer(ctx, reflection)",
    ]
    return "\n".join(lines), True


def _call(index: int, script: Script, registry: Registry, given: Given) -> str:
    call = script.calls[index]
    values: list[str] = []

    def reference(number: int, path: Path) -> str:
        method = script.calls[number].method
        assert method is not None
        steps = ", ".join(_text(step) if isinstance(step, str) else str(step) for step in response_path(method, path))
        values.append(f"value({_local(script.names[number])}Response, {steps})")
        return _VERB

    trees = filled(call, grpcurl_line.messages(call, registry), reference)
    text = "\n".join(map(json_text, trees))
    message = _text(text)
    if values:
        message = f"fmt.Sprintf({_text(text.replace('%', '%%').replace(_VERB, '%s'))}, {', '.join(values)})"
    words = [
        _duration(_WITHIN if call.deadline is None else call.deadline),
        _text(call.path.removeprefix("/")),
        message,
        *_headers(call, given),
    ]
    name = _local(script.names[index])
    is_read = any(binding.call == index for later in script.calls for binding in later.bindings)
    left = [name if index in script.demands else "_", f"{name}Response" if is_read else "_"]
    made = f"call({', '.join(words)})"
    return made if left == ["_", "_"] else f"{', '.join(left)} := {made}"


def _duration(seconds: float) -> str:
    return f"{seconds:g}*time.Second" if seconds == int(seconds) else f"{round(seconds * 1000)}*time.Millisecond"


def _headers(call: Call, given: Given) -> Iterator[str]:
    for key, name in given:
        yield f"{_text(key + ': ')}+os.Getenv({_text(name)})" if name else _text(f"{key}: garbled")
    for words in grpcurl_line.own_headers(call):
        yield _text(words)


def _assertion(name: str, demand: Demand, title: str) -> Iterator[str]:
    sign, joint = ("!=", " && ") if demand.is_one else ("==", " || ")
    condition = joint.join(f"{name}.Code() {sign} codes.{_code(code)}" for code in demand.codes)
    yield f"if {condition} {{"
    yield f"\tt.Errorf({_text(title.replace('%', '%%') + ' It ended with %v: %s')}, {name}.Code(), {name}.Message())"
    yield "}"


def _local(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def _code(code: Code) -> str:
    return _NAMES.get(code.name) or "".join(part.capitalize() for part in code.name.split("_"))


def _text(text: str) -> str:
    """Return a literal: a raw one where that reads better and can hold it."""
    if '"' in text and "`" not in text and "\r" not in text and text.replace("\n", "").isprintable():
        return f"`{text}`"
    return json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> str:
    plain = " ".join(text.encode("ascii", "backslashreplace").decode().split())
    return "\n".join(f"// {line}" for line in textwrap.wrap(plain, 110))
