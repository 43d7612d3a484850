"""Fault profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from grpcmock.responses.fault_profiles import H2_ERRORS
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def _agreed(field: str, one: str, other: str) -> str:
    if one and other and one != other:
        raise RefusedError(Code.INVALID_ARGUMENT, f"fault.{field}: {other!r} isn't {one!r}, which is asked for.")
    return one or other


def _given(fault: Any) -> Mapping[str, Any]:
    """Return the keys of a profile. ProtoJSON writes long numbers as texts."""
    tree = json_format.MessageToDict(fault, preserving_proto_field_name=True)
    given = {key: value for key, value in tree.items() if key not in _TOLD}
    given.update({key: int(given[key]) for key in _WHOLE if key in given})
    if "quota" in given:
        given["quota"] = {**given["quota"], "count": int(given["quota"].get("count", 0))}
    return given


def _write(fault: ActiveFault, told: Any) -> None:
    profile, given = fault.profile, fault.given
    told.name, told.session, told.struck = fault.name, fault.session, fault.struck
    told.methods.extend(profile.methods)
    if profile.status is not None:
        told.status.code, told.status.message = int(profile.status.code), profile.status.message
        status = given["status"]
        for detail in status.get("details", ()) if isinstance(status, dict) else ():
            told.status.details.add().update(detail)
    if (latency := profile.latency) is not None:
        written = f"{latency.low:g}s" if latency.high is None else f"{latency.low:g}s..{latency.high:g}s"
        told.latency = given["latency"] if isinstance(given["latency"], str) else written
    if profile.abort_after is not None:
        told.abort_after = profile.abort_after
    told.drop_status, told.wrong_status = profile.drop_status, profile.wrong_status
    told.goaway, told.close = profile.goaway, profile.close
    if profile.reset is not None:
        told.reset = next(name for name, number in H2_ERRORS.items() if number == profile.reset)
    for key in ("probability", *_WHOLE):
        if key in given:
            setattr(told, key, given[key])
    if profile.quota is not None:
        told.quota.count = profile.quota.count
        if profile.quota.window is not None:
            told.quota.window = given["quota"]["window"]
    if profile.ttl is not None:
        told.ttl = given["ttl"]
    if fault.expires is not None:
        told.expires.FromMicroseconds(round(fault.expires * 1e6))
