"""What GripMock answers: ``output`` as the keys of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.importers import durations
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcmock.importers.gripmock.templating import Renderer

MARK = "_gripmock"
"""The key under which an item of a stream has its own delay, or an error in its place."""

_RESERVED = {
    *("content-type", "content-length", "content-encoding", "grpc-status", "grpc-message", "grpc-status-details-bin"),
}


@dataclass(slots=True)
class Answers:
    """Writes the output of one stub."""

    output: dict[str, Any]
    renderer: Renderer
    warn: Callable[[str], None]

    def keys(self, *, streams: bool) -> dict[str, Any]:
        """Give the keys of the answer of a method that doesn't converse; *streams* says that its server streams."""
        keys = self.metadata()
        error = self.error()
        stream = self.output.get("stream")
        delay = self.delay(self.output.get("delay"))
        if delay:
            keys["delay"] = delay
        if streams and isinstance(stream, list) and stream:
            keys |= self._stream(stream, delay, error)
        elif error is not None:
            keys["error"] = error
        elif streams and stream == []:
            keys["responses"] = []
        elif streams and isinstance(data := self.output.get("data"), list):
            keys["responses"] = [self.renderer.value(item) for item in data]
        else:
            if stream:
                self.warn("`stream` is for methods whose server streams; this one answers with `data`.")
            keys["response"] = self.renderer.value(self._data())
        return keys

    def _data(self) -> Any:
        data = self.output.get("data")
        return {} if data is None else data

    def _stream(self, stream: list[Any], delay: str | None, error: dict[str, Any] | None) -> dict[str, Any]:
        if any(isinstance(item, dict) and item.get(MARK) for item in stream):
            steps = [step for index, item in enumerate(stream) for step in self.steps(item, index, delay)]
            if error is not None:
                steps.append({"error": error})
            last = next((number for number, step in enumerate(steps) if "error" in step), len(steps))
            return {"script": steps[: last + 1], "delay": None}
        keys: dict[str, Any] = {"interval": delay} if delay else {}
        keys["responses"] = [self._item(item, index) for index, item in enumerate(stream)]
        if error is not None:
            keys["error"] = error
        return keys

    def _item(self, item: Any, index: int) -> Any:
        scope = self.renderer.scope
        self.renderer.scope = type(scope)(scope.request, str(index), scope.count, scope.constants)
        made = self.renderer.value(item)
        self.renderer.scope = scope
        return made

    def steps(self, item: Any, index: int | None, delay: str | None) -> list[dict[str, Any]]:
        """Give the steps that send an item of a stream: its delay, then its message, or its error."""
        mark = item.get(MARK) or {} if isinstance(item, dict) else {}
        wait = self.delay(mark["delay"]) if "delay" in mark else delay
        steps: list[dict[str, Any]] = [{"wait": wait}] if wait else []
        error = self.error(mark)
        if error is not None:
            return [*steps, {"error": error}]
        message = {key: one for key, one in item.items() if key != MARK} if isinstance(item, dict) else item
        made = self._item(message, index) if index is not None else self.renderer.value(message)
        return [*steps, {"send": made}]

    def delay(self, written: Any) -> str | None:
        """Give a delay; None, with a warning, for one that is computed."""
        if not written:
            return None
        try:
            return durations.of_go(str(written))
        except ValueError:
            self.warn(f"the delay {written!r} is left out: delays are constant, or drawn from a range, here.")
            return None

    def error(self, written: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Give the status that is no OK, if there is one."""
        written = self.output if written is None else written
        code, message, details = written.get("code"), written.get("error"), written.get("details")
        if code == 0 or (
            code is None and not message and not (details and MARK not in written and written is not self.output)
        ):
            return None
        try:
            name = Code.ABORTED.name if code is None else Code.parse(code).name
        except ValueError:
            self.warn(f"{code!r} is no status code; UNKNOWN is sent instead.")
            name = Code.UNKNOWN.name
        made: dict[str, Any] = {"code": name}
        if message:
            made["message"] = self.renderer.text(str(message), str(message).replace("{{", "{ {"))
        if isinstance(details, list) and details:
            made["details"] = [self._detail(one) for one in details if isinstance(one, dict)]
        return made

    def _detail(self, detail: dict[str, Any]) -> dict[str, Any]:
        rest = {key: one for key, one in detail.items() if key != "type"}
        return {"@type": str(detail.get("type", "")), **(self.renderer.value(rest) if rest else {})}

    def metadata(self) -> dict[str, Any]:
        """Give headers and trailers; several values of one key are separated by semicolons in GripMock."""
        found = {}
        for key in ("headers", "trailers"):
            written = self.output.get(key)
            if isinstance(written, dict) and written:
                made = {str(name).lower(): self._values(str(value)) for name, value in written.items()}
                found[key] = {name: one for name, one in made.items() if self._may_be_sent(name) and one is not None}
        return {key: one for key, one in found.items() if one}

    def _values(self, text: str) -> Any:
        made = self.renderer.text(text)
        if made is None or ";" not in text or "{{" in text:
            return made
        return text.split(";")

    def _may_be_sent(self, name: str) -> bool:
        return not name.startswith(":") and name not in _RESERVED
