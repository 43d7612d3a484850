"""What the options of a field demand of its values, in the words of JSON Schema: as much as these can say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grpcmock.schema.annotations import FieldAnnotations, Rules

Schema = dict[str, Any]

_NUMBERS = {"gt": "exclusiveMinimum", "gte": "minimum", "lt": "exclusiveMaximum", "lte": "maximum"}
_TEXTS = {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern"}
_LISTS = {"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems"}
_MAPS = {"min_pairs": "minProperties", "max_pairs": "maxProperties"}
_FORMATS = {
    "email": "email",
    "hostname": "hostname",
    "ipv4": "ipv4",
    "ipv6": "ipv6",
    "uri": "uri",
    "uri_ref": "uri-reference",
    "uuid": "uuid",
}
_INFO_FORMATS = {"UUID4": "uuid", "IPV4": "ipv4", "IPV6": "ipv6"}


def of_field(annotations: FieldAnnotations) -> Schema:
    """Return what is to be added to the schema of a field, beside its type."""
    found: Schema = {}
    if "OUTPUT_ONLY" in annotations.behaviors:
        found["readOnly"] = True
    if "INPUT_ONLY" in annotations.behaviors:
        found["writeOnly"] = True
    return found


def of_value(rules: Rules, schema: Mapping[str, Any], annotations: FieldAnnotations | None = None) -> Schema:
    """Return what is to be added to the *schema* of one value, which isn't a list or a map."""
    if annotations is not None and annotations.format in _INFO_FORMATS:
        return {"format": _INFO_FORMATS[annotations.format]}
    if rules.zero_is_free:
        return {}
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return _number(rules.values)
    return _text(rules.values) if kind == "string" and not schema.keys() & {"format", "enum"} else {}


def of_list(rules: Rules) -> Schema:
    """Return what is to be added to the schema of a list."""
    return _renamed(rules.values, _LISTS)


def of_map(rules: Rules) -> Schema:
    """Return what is to be added to the schema of a map."""
    return _renamed(rules.values, _MAPS)


def _number(values: Mapping[str, Any]) -> Schema:
    low = values.get("gte", values.get("gt"))
    high = values.get("lte", values.get("lt"))
    if low is not None and high is not None and low > high:
        return {}  # the range is what lies outside of both
    return {**_renamed(values, _NUMBERS), **_chosen(values)}


def _text(values: Mapping[str, Any]) -> Schema:
    found = {**_renamed(values, _TEXTS), **_chosen(values)}
    if "len" in values:
        found["minLength"] = found["maxLength"] = values["len"]
    if "pattern" not in found and (around := values.keys() & {"prefix", "suffix"}):
        begin = f"^{re.escape(values['prefix'])}" if "prefix" in around else ""
        end = f"{re.escape(values['suffix'])}$" if "suffix" in around else ""
        found["pattern"] = f"{begin}.*{end}" if begin and end else begin or end
    for rule, name in _FORMATS.items():
        if values.get(rule) is True:
            found["format"] = name
    return found


def _chosen(values: Mapping[str, Any]) -> Schema:
    if "const" in values:
        return {"const": values["const"]}
    return {"enum": list(values["in"])} if "in" in values else {}


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> Schema:
    return {ours: values[theirs] for theirs, ours in names.items() if theirs in values}
