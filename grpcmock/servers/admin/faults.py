"""Fault profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from grpcmock.responses.fault_profiles import H2_ERRORS
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.engine.faults import ActiveFault
    from grpcmock.servers.admin.behaviors import Behaviors, Steered

_TOLD = ("name", "session", "struck", "expires")
"""Fields that are no part of a profile."""

_WHOLE = ("seed", "first", "after")


def behaviors(steered: Steered) -> Behaviors:
    """Give what tells, sets and removes fault profiles."""

    def list_faults(request: Any, response: Any) -> None:
        for fault in steered.engine.faults:
            if fault.session in ("", request.session):
                _write(fault, response.faults.add())

    def get_fault(request: Any, response: Any) -> None:
        _write(steered.engine.faults.get(request.name, request.session), response)

    def set_fault(request: Any, response: Any) -> None:
        name = _agreed("name", request.name, request.fault.name)
        session = _agreed("session", request.session, request.fault.session)
        _write(steered.engine.faults.set(name, _given(request.fault), session), response)

    def remove_fault(request: Any, _: Any) -> None:
        steered.engine.faults.remove(request.name, request.session)

    return {"ListFaults": list_faults, "GetFault": get_fault, "SetFault": set_fault, "RemoveFault": remove_fault}


def spelled_out(tree: Any) -> Any:
    """Return the JSON of a profile with what may be said in a shorter way, as in Python, as ``Fault`` has it."""
    if not isinstance(tree, dict):
        return tree
    latency = tree.get("latency")
    if isinstance(latency, dict) and set(latency) == {"median", "sigma"}:
        tree = {**tree, "latency": latency["median"], "latency_sigma": latency["sigma"]}
    return {key: _SHORT[key](value) if key in _SHORT else value for key, value in tree.items()}


def _whole_reset(value: Any) -> Any:
    if isinstance(value, bool):
        return "CANCEL" if value else ""
    return value


def _whole_latency(value: Any) -> Any:
    return f"{value['min']}..{value['max']}" if isinstance(value, dict) and set(value) == {"min", "max"} else value


def _whole_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_SHORT: Mapping[str, Callable[[Any], Any]] = {
    "methods": lambda value: [value] if isinstance(value, str) else value,
    "status": lambda value: value if value is None or isinstance(value, dict) else {"code": value},
    "latency": _whole_latency,
    "wrong_status": _whole_text,
    "wrongStatus": _whole_text,
    "reset": _whole_reset,
    "quota": lambda value: value if value is None or isinstance(value, dict) else {"count": value},
}


def _agreed(field: str, one: str, other: str) -> str:
    if one and other and one != other:
        raise RefusedError(Code.INVALID_ARGUMENT, f"fault.{field}: {other!r} isn't {one!r}, which is asked for.")
    return one or other


def _given(fault: Any) -> Mapping[str, Any]:
    """Return the keys of a profile. ProtoJSON writes long numbers as texts."""
    tree = json_format.MessageToDict(fault, preserving_proto_field_name=True)
    given = {key: value for key, value in tree.items() if key not in _TOLD}
    given.update({key: int(given[key]) for key in _WHOLE if key in given})
    if "latency_sigma" in given:
        given["latency"] = {"median": given.get("latency", "0s"), "sigma": given.pop("latency_sigma")}
    if "quota" in given:
        given["quota"] = {**given["quota"], "count": int(given["quota"].get("count", 0))}
    return given


def _write(fault: ActiveFault, told: Any) -> None:
    told.MergeFrom(type(told)(**fields_of(fault), session=fault.session, struck=fault.struck))
    if fault.expires is not None:
        told.expires.FromMicroseconds(round(fault.expires * 1e6))


def fields_of(fault: ActiveFault) -> dict[str, Any]:
    """Return what a message ``Fault`` says of a profile, as its fields: what was set, not what came of it."""
    profile, given = fault.profile, fault.given
    fields: dict[str, Any] = {key: given[key] for key in ("probability", *_WHOLE, "ttl") if key in given}
    fields |= {"name": fault.name, "methods": profile.methods, "abort_after": profile.abort_after}
    fields |= {"drop_status": profile.drop_status, "wrong_status": profile.wrong_status}
    fields |= {"goaway": profile.goaway, "close": profile.close}
    if profile.status is not None:
        details = given["status"].get("details", ()) if isinstance(given["status"], Mapping) else ()
        fields["status"] = {"code": int(profile.status.code), "message": profile.status.message, "details": details}
    if (latency := profile.latency) is not None:
        written = f"{latency.low:g}s" if latency.high is None else f"{latency.low:g}s..{latency.high:g}s"
        fields["latency"] = given["latency"] if isinstance(given["latency"], str) else written
        if latency.sigma is not None:
            fields["latency_sigma"] = latency.sigma
    if profile.reset is not None:
        fields["reset"] = next(name for name, number in H2_ERRORS.items() if number == profile.reset)
    if profile.quota is not None:
        window = given["quota"]["window"] if profile.quota.window is not None else ""
        fields["quota"] = {"count": profile.quota.count, "window": window}
    return fields
