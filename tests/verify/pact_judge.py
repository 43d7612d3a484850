"""What Pact's own library says of matching rules and of whole Pact files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

Rule = dict[str, Any]

ffi: Any = None
lib: Any = None
try:
    import pact_ffi
except ImportError:
    pass
else:
    ffi, lib = pact_ffi.ffi, pact_ffi.lib


def _plugins() -> Path:
    return Path(os.environ.get("PACT_PLUGIN_DIR") or Path.home() / ".pact" / "plugins")


needs_pact = pytest.mark.skipif(lib is None, reason="pact-python-ffi isn't there (`pip install pact-python-ffi`)")
needs_plugin = pytest.mark.skipif(
    lib is None or not any(_plugins().glob("protobuf-*")),
    reason=f"there is no plugin for protobuf in {_plugins()} (`.ci/pact` builds it), or no pact-python-ffi",
)


def accepts(rule: Rule, expected: Any, actual: Any) -> bool:
    """Whether Pact takes *actual* where it expects *expected*, by one rule."""
    with rules_of({"$.value": [rule]}) as found:
        [(_, pointer)] = found
        return _objection(pointer, expected, actual) is None


def _objection(rule: Any, expected: Any, actual: Any) -> str | None:
    if isinstance(expected, bool):
        said = lib.pactffi_matches_bool_value(rule, int(expected), int(actual), 0)
    elif isinstance(expected, str):
        said = lib.pactffi_matches_string_value(rule, expected.encode(), actual.encode(), 0)
    elif isinstance(expected, float):
        said = lib.pactffi_matches_f64_value(rule, expected, actual, 0)
    elif isinstance(expected, int):
        said = lib.pactffi_matches_i64_value(rule, expected, actual, 0)
    else:
        raise TypeError(f"Pact's library compares no {type(expected).__name__} by itself.")
    return None if said == ffi.NULL else _text(said)


@contextmanager
def model(text: str) -> Iterator[Any]:
    """Load a Pact with Pact's library."""
    loaded = lib.pactffi_parse_pact_json(text.encode())
    assert loaded != ffi.NULL, f"Pact can't load it:\n{text}"
    try:
        yield loaded
    finally:
        lib.pactffi_pact_model_delete(loaded)


@contextmanager
def rules_of(rules: dict[str, list[Rule]]) -> Iterator[list[tuple[str, Any]]]:
    """Have Pact read rules, by their paths."""
    listed = {path: {"combine": "AND", "matchers": matchers} for path, matchers in rules.items()}
    contents = {"content": "", "contentType": "text/plain", "encoded": False}
    document = {
        "consumer": {"name": "c"},
        "provider": {"name": "p"},
        "interactions": [
            {
                "type": "Synchronous/Messages",
                "description": "rules",
                "request": {"contents": contents, "matchingRules": {"body": listed}},
                "response": [],
            }
        ],
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }
    with model(json.dumps(document)) as loaded:
        [message] = messages(loaded)
        yield list(_rules(lib.pactffi_sync_message_get_request_contents(message), lib.MatchingRuleCategory_BODY))


def messages(loaded: Any) -> Iterator[Any]:
    """Yield the interactions of a loaded Pact that are synchronous messages."""
    found = lib.pactffi_pact_model_interaction_iterator(loaded)
    while (interaction := lib.pactffi_pact_interaction_iter_next(found)) != ffi.NULL:
        message = lib.pactffi_pact_interaction_as_synchronous_message(interaction)
        assert message != ffi.NULL, "an interaction is no synchronous message"
        yield message


def parts(message: Any) -> Iterator[tuple[str, Any]]:
    """Yield the request, then each response of a synchronous message, with what it is called."""
    yield "request", lib.pactffi_sync_message_get_request_contents(message)
    for number in range(lib.pactffi_sync_message_get_number_responses(message)):
        yield f"response {number}", lib.pactffi_sync_message_get_response_contents(message, number)


def description(message: Any) -> str:
    return _text(lib.pactffi_sync_message_get_description(message))


def content(contents: Any) -> bytes:
    size = lib.pactffi_message_contents_get_contents_length(contents)
    return bytes(ffi.buffer(lib.pactffi_message_contents_get_contents_bin(contents), size)) if size else b""


def rules(contents: Any, *, metadata: bool = False) -> dict[str, list[Rule]]:
    """Give the rules that Pact has read, by their paths."""
    category = lib.MatchingRuleCategory_METADATA if metadata else lib.MatchingRuleCategory_BODY
    found: dict[str, list[Rule]] = {}
    for path, pointer in _rules(contents, category):
        found.setdefault(path, []).append(json.loads(_text(lib.pactffi_matching_rule_to_json(pointer))))
    return found


def _rules(contents: Any, category: int) -> Iterator[tuple[str, Any]]:
    found = lib.pactffi_message_contents_get_matching_rule_iter(contents, category)
    while (pair := lib.pactffi_matching_rules_iter_next(found)) != ffi.NULL:
        yield str(ffi.string(pair.path).decode()), pair.rule


def _text(pointer: Any) -> str:
    return str(ffi.string(pointer).decode())


def verified(file: Path, port: int) -> dict[str, str]:
    """Hold a server against a Pact file by Pact's own verifier; give what became of each interaction."""
    verifier = pact_ffi.verifier_new_for_application()
    pact_ffi.verifier_set_provider_info(verifier, "provider", "http", "127.0.0.1", port, "/")
    pact_ffi.verifier_add_provider_transport(verifier, "grpc", port, None, "http")
    pact_ffi.verifier_add_file_source(verifier, str(file))
    with suppress(RuntimeError):  # said for each interaction
        pact_ffi.verifier_execute(verifier)
    report = json.loads(pact_ffi.verifier_json(verifier))
    assert report["interactionResults"], report
    return {one["description"]: _outcome(one) for one in report["interactionResults"]}


def _outcome(result: dict[str, Any]) -> str:
    return "passed" if result["result"] == "OK" else json.dumps(result.get("mismatch"))
