// The section of services: what the protos say of each method, and a form to call it.

import { api } from "./api.js";
import { View, button, empty, field, fill, h, settled } from "./dom.js";
import { count, json } from "./format.js";

const KINDS = {
  unary: "unary", server_streaming: "server streaming", client_streaming: "client streaming", bidi_streaming: "bidirectional streaming",
};

export function servicesView(place) {
  const list = h("div.groups", {});
  const detail = h("section.detail", { "aria-label": "The method", hidden: true });
  const tally = h("span.tally", {});
  const search = h("input", { type: "search", placeholder: "Filter …", "aria-label": "Text", oninput: settled(80, () => draw()) });
  const layout = h("div.split", {},
    h("div.pane", {}, h("div.toolbar", { role: "search" }, search),
      h("div.columns", {}, tally), list),
    detail);
  const view = new View(h("h1.hidden", {}, "Services"), layout);
  let services = [];
  let chosen = "";

  function draw() {
    const wanted = search.value.trim().toLowerCase();
    const methods = services.reduce((sum, one) => sum + (one.methods?.length ?? 0), 0);
    tally.textContent = `${count(services.length, "service")}, ${count(methods, "method")}`;
    const found = services
      .map((service) => ({ ...service, methods: (service.methods ?? []).filter((one) => `${service.name}/${one.name}`.toLowerCase().includes(wanted)) }))
      .filter((service) => service.methods.length);
    fill(list, found.map((service) => h("section.group", {},
      h("h2.group-title", {}, h("span.method", {}, h("span.name", {}, service.name))),
      service.comment && h("p.comment", {}, service.comment),
      h("ul.rows", {}, service.methods.map((one) => line(service, one))))),
    !found.length && empty(services.length ? "No method fits." : "No service is served."));
  }

  function line(service, one) {
    const name = `${service.name}/${one.name}`;
    const misses = Number(one.misses ?? 0);
    return h("li", {}, h("a.row-link", { href: `#/services/${name}`, "aria-current": name === chosen ? "true" : undefined },
      h("span.stub-name", {}, one.name),
      h("span.badges", {},
        one.kind !== "unary" && h("span.chip.plain", {}, KINDS[one.kind] ?? one.kind),
        misses > 0 && h("span.chip.miss", {}, count(misses, "miss", "misses"))),
      h("span.times", { class: one.calls ? "" : "none" }, one.calls ? `${Number(one.calls).toLocaleString("en")}×` : count(one.stubs ?? 0, "stub"))));
  }

  async function open(name) {
    chosen = name;
    layout.classList.toggle("open", Boolean(name));
    detail.hidden = !name;
    draw();
    if (!name) return detail.replaceChildren();
    const [serviceName, methodName] = name.split("/");
    try {
      const service = await api.service(serviceName);
      const found = (service.methods ?? []).find((one) => one.name === methodName);
      if (chosen !== name) return undefined;
      if (!found) throw new Error(`${serviceName} has no method ${methodName}.`);
      fill(detail, whole(service, found));
    } catch (error) {
      fill(detail, head(name), h("p.problem", { role: "alert" }, error.message));
    }
    return undefined;
  }

  view.go = open;
  layout.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chosen && !event.target.closest("textarea")) location.hash = "#/services";
  });
  api.services().then((answer) => {
    services = answer.services ?? [];
    draw();
  }, (error) => fill(list, h("p.problem", { role: "alert" }, error.message)));
  if (place) open(place);
  return view;
}

const head = (title) => h("header.detail-head", {},
  h("button.icon.close", { type: "button", "aria-label": "Close the method", onclick: () => (location.hash = "#/services") }, "✕"),
  h("h2.detail-title.stub-title", { tabIndex: -1 }, title));

function whole(service, found) {
  const types = new Map((service.types ?? []).map((type) => [type.name, type]));
  const first = [found.requestType, found.responseType];
  const others = [...types.keys()].filter((name) => !first.includes(name));
  const told = (name) => types.has(name) && h("pre", { tabIndex: 0, role: "region", "aria-label": name }, h("code", {}, types.get(name).text));
  return [head(found.name), h("div.detail-body", {},
    h("p.lead", {}, h("span.mono", {}, service.name), h("span", {}, KINDS[found.kind] ?? found.kind), service.file && h("span.mono", {}, service.file)),
    found.comment && h("p.comment", {}, found.comment),
    callForm(service, found),
    h("section.block", {}, h("h3", {}, "Request"), told(found.requestType)),
    found.responseType !== found.requestType && h("section.block", {}, h("h3", {}, "Response"), told(found.responseType)),
    others.length > 0 && h("details", {}, h("summary", {}, `${count(others.length, "other type")} that they need`), others.map(told)))];
}

function callForm(service, found) {
  const streams = found.kind === "client_streaming" || found.kind === "bidi_streaming";
  const example = pretty(found.example || "{}");
  const messages = h("textarea.mono", { value: streams ? `[\n${indent(example)}\n]` : example, spellcheck: false });
  messages.rows = Math.min(Math.max(messages.value.split("\n").length + 1, 4), 20);
  const metadata = h("textarea.mono", { rows: 2, spellcheck: false, placeholder: "x-tenant: acme" });
  const timeout = h("input", { value: "10s", size: 6, spellcheck: false });
  const answer = h("div", { "aria-live": "polite" });
  const send = button("Call", () => make(), { class: "primary", title: "Ctrl-Enter" });
  async function make() {
    fill(answer, h("p.note", {}, "under way …"));
    send.disabled = true;
    try {
      const told = JSON.parse(messages.value || "{}");
      fill(answer, outcome(await api.makeCall({
        method: `${service.name}/${found.name}`,
        messages: streams && Array.isArray(told) ? told : [told],
        metadata: pairs(metadata.value),
        timeout: timeout.value.trim() || undefined,
      })));
    } catch (error) {
      fill(answer, h("p.problem", { role: "alert" }, error instanceof SyntaxError ? `The message is no JSON: ${error.message}` : error.message));
    } finally {
      send.disabled = false;
    }
  }
  return h("section.block.form", {
    onkeydown: (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) make();
    },
  },
  h("h3", {}, "Call it"),
  field(streams ? "Messages, a list" : "Message", messages, "ProtoJSON; filled in with an example."),
  field("Metadata", metadata, "A line each: key: value"),
  h("div.inline", {}, field("Deadline", timeout), send),
  answer);
}

function outcome(told) {
  const isGood = (told.codeName ?? "OK") === "OK";
  return h("div.outcome", {},
    h("p.lead", {}, h("span.chip", { class: isGood ? "ok" : "bad" }, told.codeName ?? "OK"),
      h("span", {}, count(told.messages?.length ?? 0, "message")),
      told.callId && h("a", { href: `#/calls/${told.callId}` }, `call ${told.callId}`)),
    told.statusMessage && h("pre.text", { tabIndex: 0, role: "region", "aria-label": "Status message" }, told.statusMessage),
    (told.messages ?? []).map((one, at) => h("pre", { tabIndex: 0, role: "region", "aria-label": `Answer ${at + 1}` }, json(JSON.stringify(one)))),
    [["Headers", told.headers], ["Trailers", told.trailers]].map(([title, all]) => all?.length > 0 && h("div", {},
      h("h4", {}, title), h("dl.facts.mono", {}, all.map((one) => [h("dt", {}, one.key), h("dd", {}, one.text ?? `${one.bytes} (base64)`)])))));
}

function pairs(text) {
  return text.split("\n").filter((line) => line.includes(":")).map((line) => {
    const at = line.indexOf(":", 1);
    const key = line.slice(0, at).trim().toLowerCase();
    const value = line.slice(at + 1).trim();
    return key.endsWith("-bin") ? { key, bytes: value } : { key, text: value };
  });
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const indent = (text) => text.split("\n").map((line) => `  ${line}`).join("\n");
