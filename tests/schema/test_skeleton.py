"""The template of every message fits that message."""

from __future__ import annotations

from typing import Any

import pytest
import support

from grpcmock.errors import Problems
from grpcmock.schema.codec import build
from grpcmock.schema.skeleton import skeleton
from grpcmock.tree import Node

FILES = ("kitchen_sink.proto", "legacy.proto", "editions2023.proto", "editions2024.proto", "user.proto", "rules.proto")


@pytest.mark.parametrize("name", FILES)
def test_the_template_of_every_message_fits_it(name: str) -> None:
    registry = support.registry(name)
    for full_name in registry.message_names():
        message_class: Any = registry.message(full_name)
        problems = Problems()
        build(Node.of(skeleton(message_class.DESCRIPTOR)), message_class, registry, problems)
        assert not list(problems), full_name


def test_every_field_is_there_once() -> None:
    message_class: Any = support.registry().message("kitchen.Everything")
    tree = skeleton(message_class.DESCRIPTOR)
    absent = {field.name for field in message_class.DESCRIPTOR.fields} - set(tree)
    assert absent == {"f_self", "c_int32", "c_message", "c_enum", "c_null", "c_bytes"}
    assert tree["f_int64"] == "0"
    assert tree["w_timestamp"] == "1970-01-01T00:00:00Z"
    assert tree["m_bool_bool"] == {"false": False}
    assert tree["f_message"]["deeper"] == {"text": "", "big": "0"}
    assert tree["r_enum"] == ["COLOR_UNSPECIFIED"]
