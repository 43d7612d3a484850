// How times, sizes, statuses and messages are written.

import { h } from "./dom.js";

export const CODES = [
  "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
  "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
];

const PROTOCOLS = { grpc: "gRPC", grpc_web: "gRPC-Web", connect: "Connect", json: "JSON over HTTP" };

export const protocol = (name) => PROTOCOLS[name] ?? name ?? "gRPC";

/** "14:03:21.482", in the time of the place. */
export function clock(timestamp) {
  const at = new Date(timestamp);
  const two = (number) => String(number).padStart(2, "0");
  const milliseconds = String(at.getMilliseconds()).padStart(3, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${milliseconds}`;
}

/** A date and a time. */
export function moment(timestamp) {
  return new Date(timestamp).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** Seconds of a Duration in ProtoJSON, "0.0012s". */
export const seconds = (duration) => Number.parseFloat(duration);

export function took(value) {
  if (value < 0.000_95) return `${Math.round(value * 1e6)} µs`;
  if (value < 0.0995) return `${(value * 1e3).toFixed(1)} ms`;
  if (value < 0.9995) return `${Math.round(value * 1e3)} ms`;
  return value < 100 ? `${value.toFixed(value < 10 ? 2 : 1)} s` : `${Math.round(value).toLocaleString("en")} s`;
}

/** How far two times are from each other, in the largest unit that says it. */
export function apart(value) {
  if (value < 120) return took(value);
  if (value < 7_200) return count(Math.round(value / 60), "minute");
  return value < 172_800 ? count(Math.round(value / 3_600), "hour") : count(Math.round(value / 86_400), "day");
}

export function size(bytes) {
  const count = Number(bytes ?? 0);
  if (count < 1024) return `${count} B`;
  return count < 1 << 20 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / (1 << 20)).toFixed(1)} MiB`;
}

export const count = (number, one, many = `${one}s`) =>
  `${Number(number).toLocaleString("en")} ${Number(number) === 1 ? one : many}`;

/** Whether nothing was found that could answer. */
export const isMiss = (call) =>
  Boolean(call.miss) || (call.duration !== undefined && !call.stub && !call.auto && !call.forwarded && !call.cancelled);

/** What a status is colored by: "ok", "bad", "warn" or "going". */
export function tone(call) {
  if (call.duration === undefined) return "going";
  if (isMiss(call)) return "miss";
  if (call.cancelled) return "warn";
  return (call.codeName ?? "OK") === "OK" ? "ok" : "bad";
}

export const statusWord = (call) =>
  call.duration === undefined ? "under way" : isMiss(call) ? "MISS" : (call.codeName ?? "OK");

/** Who answered, in a word or two. */
export function answeredBy(call) {
  if (call.stub) return call.stub;
  if (call.auto) return "generated";
  if (call.forwarded) return "passed on";
  if (call.duration === undefined) return "";
  return isMiss(call) ? "no stub" : "";
}

/** "user.UserService/GetUser" with its package in the background. */
export function method(name) {
  const slash = name.lastIndexOf("/");
  const dot = name.lastIndexOf(".", slash);
  return h("span.method", { title: name },
    h("span.package", {}, name.slice(0, dot + 1)),
    h("span.service", {}, name.slice(dot + 1, slash + 1)),
    h("span.name", {}, name.slice(slash + 1)));
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** A message in ProtoJSON, indented and colored; as it stands if it was cut. */
export function json(text) {
  let pretty = text;
  try {
    pretty = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // It was cut, so it is no JSON any more.
  }
  const parts = [];
  let from = 0;
  for (const found of pretty.matchAll(TOKEN)) {
    parts.push(pretty.slice(from, found.index));
    const kind = found[2] ? "key" : found[1] ? "text" : found[3] ? "word" : "number";
    parts.push(h(`span.j-${kind}`, {}, found[1] ?? found[0]), found[2] ?? "");
    from = found.index + found[0].length;
  }
  parts.push(pretty.slice(from));
  return h("code.json", {}, parts);
}

/** YAML with its comments and keys colored. */
export function yaml(text) {
  const lines = text.replace(/\n$/, "").split("\n").map((line) => {
    const found = /^(\s*(?:- )*)([\w.$@"'/-]+)(:)(?=\s|$)(.*)$/.exec(line);
    if (line.trimStart().startsWith("#")) return h("span.j-note", {}, line, "\n");
    if (!found) return `${line}\n`;
    return h("span", {}, found[1], h("span.j-key", {}, found[2]), found[3], found[4], "\n");
  });
  return h("code.yaml", {}, lines);
}
