"""What Pact's own library says of matching rules and of whole Pact files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

Rule = dict[str, Any]

try:
    import pact_ffi
    from pact_ffi.ffi import ffi, lib
except ImportError:
    ffi = lib = None

needs_pact = pytest.mark.skipif(lib is None, reason="pact-python-ffi isn't there (`pip install pact-python-ffi`)")


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
        yield [(path, rule) for path, rule, _ in _rules(lib.pactffi_sync_message_get_request_contents(message))]


def messages(loaded: Any) -> Iterator[Any]:
    """Yield the interactions of a loaded Pact that are synchronous messages."""
    found = lib.pactffi_pact_model_interaction_iterator(loaded)
    while (interaction := lib.pactffi_pact_interaction_iter_next(found)) != ffi.NULL:
        message = lib.pactffi_pact_interaction_as_synchronous_message(interaction)
        assert message != ffi.NULL, "an interaction is no synchronous message"
        yield message


def _rules(contents: Any, category: int | None = None) -> Iterator[tuple[str, Any, Rule]]:
    body = lib.MatchingRuleCategory_BODY if category is None else category
    found = lib.pactffi_message_contents_get_matching_rule_iter(contents, body)
    while (pair := lib.pactffi_matching_rules_iter_next(found)) != ffi.NULL:
        rule = json.loads(_text(lib.pactffi_matching_rule_to_json(pair.rule)))
        yield ffi.string(pair.path).decode(), pair.rule, rule


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
