// One call, opened: how it went, its messages on a time line, metadata, the stub, and for a miss what each stub refused.

import { api } from "./api.js";
import { button, fill, h, say } from "./dom.js";
import {
  answeredBy, clock, count, isMiss, json, method, moment, protocol, seconds, size, statusWord, took, tone, yaml,
} from "./format.js";
import { StubEditor } from "./stub-editor.js";

const SHOWN = 200;

export class CallDetail {
  constructor(id, { onClose }) {
    this.id = id;
    this.onClose = onClose;
    this.body = h("div.detail-body", {});
    this.editing = h("div.editing", { hidden: true });
    this.heading = h("h2.detail-title", { tabIndex: -1 }, `Call ${id}`);
    this.element = h("article", {},
      h("header.detail-head", {},
        h("button.icon.close", { type: "button", "aria-label": "Close the call", onclick: onClose }, "✕"), this.heading),
      this.editing, this.body);
    this.shown = SHOWN;
    this.open();
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Look at the call again, soon: a stream may grow by many messages a second. */
  refresh() {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.open();
    }, 120);
  }

  async open() {
    try {
      const call = await api.call(this.id);
      if (this.stopped) return;
      this.call = call;
      this.draw();
    } catch (error) {
      if (!this.stopped) fill(this.body, h("p.problem", { role: "alert" }, error.message));
    }
  }

  draw() {
    const { call } = this;
    fill(this.heading, method(call.method));
    const open = new Set([...this.body.querySelectorAll("details[open]")].map((one) => one.dataset.name));
    fill(this.body,
      h("p.lead", {},
        h("span.chip", { class: tone(call) }, statusWord(call)),
        call.duration === undefined ? "" : h("span", {}, took(seconds(call.duration))),
        h("span", {}, moment(call.started)),
        h("span", {}, protocol(call.protocol)),
        call.peer && h("span.mono", {}, call.peer)),
      h("div.actions", {}, button("Make a stub of this", () => this.draft(), { class: "primary" }), this.repeat()),
      isMiss(call) && this.miss(),
      this.stub(),
      this.status(),
      this.timeline(),
      metadata("Request metadata", call.metadata),
      metadata("Response headers", call.headers),
      metadata("Trailers", (call.trailers ?? []).filter(({ key }) => !(call.details && key === "grpc-status-details-bin"))),
      this.facts());
    for (const one of this.body.querySelectorAll("details")) if (open.has(one.dataset.name)) one.open = true;
  }

  repeat() {
    const { call } = this;
    const requests = (call.messages ?? []).filter((one) => isRequest(one) && one.json && !one.cut);
    const act = async () => {
      try {
        const messages = requests.map((one) => JSON.parse(one.json));
        const { callId } = await api.makeCall({ method: call.method, messages, metadata: repeatable(call.metadata) });
        say(`Made again: call ${callId}.`);
        if (callId) location.hash = `#/calls/${callId}`;
      } catch (error) {
        say(error.message, "bad");
      }
    };
    return button("Make this call again", act);
  }

  async draft() {
    let draft;
    try {
      draft = await api.draft(this.id);
    } catch (error) {
      say(error.message, "bad");
      return;
    }
    const editor = new StubEditor({
      title: "A stub of this call",
      text: draft.stubs,
      notes: draft.warnings ?? [],
      action: "Add the stub",
      save: api.addStubs,
      onSaved: ({ names = [] }) => {
        say(`Added ${names.join(", ")}. The next call like this is answered by it.`);
        this.endEditing();
      },
      onCancel: () => this.endEditing(),
    });
    this.editing.hidden = false;
    fill(this.editing, editor.element);
    editor.focus();
  }

  endEditing() {
    this.editing.hidden = true;
    this.editing.replaceChildren();
    this.heading.focus();
  }

  miss() {
    const { call } = this;
    const near = call.near ?? [];
    return h("section.block.miss", {},
      h("h3", {}, "Why no stub answered"),
      near.length
        ? near.map((stub) => h("div.near", {},
          h("p.near-name", {}, h("a", { href: stubLink(stub.stub) }, stub.stub), h("span.place", {}, stub.location)),
          differences(stub)))
        : h("p", {}, `No stub of ${call.method} is there to compare with.`),
      call.miss && h("details", { "data-name": "miss" },
        h("summary", {}, "As the terminal shows it"),
        h("pre.text", { tabIndex: 0, role: "region", "aria-label": "The miss" }, call.miss)));
  }

  stub() {
    const { call } = this;
    if (!call.stub) return answeredBy(call) && !isMiss(call) && h("p.note", {}, `The answer was ${answeredBy(call)}.`);
    const text = h("div", {});
    const look = async () => {
      try {
        const stub = await api.stub(call.stub, call.session);
        fill(text, h("pre", { tabIndex: 0, role: "region", "aria-label": "The stub" }, yaml(stub.yaml ?? "")));
      } catch (error) {
        fill(text, h("p.note", {}, error.isMissing ? "This stub isn't there any more." : error.message));
      }
    };
    const details = h("details", { "data-name": "stub", ontoggle: () => details.open && !text.childElementCount && look() },
      h("summary", {}, "Its text"), text);
    return h("section.block", {},
      h("h3", {}, "Answered by"),
      h("p.near-name", {}, h("a", { href: stubLink(call.stub) }, call.stub), h("span.place", {}, call.stubLocation)),
      details);
  }

  status() {
    const { call } = this;
    const details = call.details ?? [];
    // The message of a miss is what stands above already.
    if (call.miss || (!call.statusMessage && !details.length)) return "";
    return h("section.block", {},
      h("h3", {}, "Status"),
      h("p.status-line", {}, h("strong", {}, call.codeName), h("span", {}, call.statusMessage ?? "")),
      details.map((one, at) => h("pre", { tabIndex: 0, role: "region", "aria-label": `Detail ${at + 1}` }, json(JSON.stringify(one)))));
  }

  timeline() {
    const { call } = this;
    const messages = call.messages ?? [];
    const started = Date.parse(call.started);
    const late = messages.length > this.shown ? messages.slice(-this.shown) : messages;
    const hidden = messages.length - late.length;
    return h("section.block", {},
      h("h3", {}, "Messages ", h("span.tally", {}, count(messages.length, "message"))),
      hidden > 0 && button(`Show ${count(hidden, "earlier one")}`, () => {
        this.shown = messages.length;
        this.draw();
      }),
      h("ol.timeline", {},
        late.map((one, at) => h("li", { class: isRequest(one) ? "request" : "response" },
          h("p.when", {},
            h("span.direction", {}, isRequest(one) ? "→ request" : "← response"),
            h("time", { dateTime: one.time, title: clock(one.time) }, `+${took(Math.max(0, (Date.parse(one.time) - started) / 1e3))}`),
            h("span", {}, size(one.size))),
          one.json
            ? h("pre", { tabIndex: 0, role: "region", "aria-label": `Message ${hidden + at + 1}` }, json(one.json))
            : h("p.note", {}, "It can't be decoded. ", h("code.mono", {}, (one.data ?? "").slice(0, 400))),
          one.cut && h("p.note", {}, "The message is longer than what is shown."))),
        call.duration === undefined && h("li.going", {}, h("p.when", {}, "under way …"))),
      call.messagesDropped > 0 && h("p.note", {}, `${count(call.messagesDropped, "message")} more that the journal didn't keep.`));
  }

  facts() {
    const { call } = this;
    const facts = [
      ["Id", call.id],
      ["Deadline", call.deadline && took(seconds(call.deadline))],
      ["Session", call.session],
      ["Faults", (call.faults ?? []).join(", ")],
      ["Ended by the client", call.cancelled && "yes"],
      ["Generated", call.auto && "yes"],
      ["Passed on", call.forwarded && "to another server"],
    ].filter(([, value]) => value);
    return h("section.block", {}, h("h3", {}, "The call"),
      h("dl.facts", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
  }
}

export const stubLink = (name) => `#/stubs/${encodeURIComponent(name)}`;

const isRequest = (message) => message.direction === "DIRECTION_REQUEST" || message.direction === 1;

/** The metadata that a call made again should have, too: not what libraries send by themselves. */
function repeatable(metadata = []) {
  return metadata.filter(({ key }) => !/^(grpc-|te$|user-agent$|content-|accept|connect-|host$|x-user-agent$)/.test(key));
}

function differences({ stub, differences: all = [] }) {
  if (!all.length) return h("p.note", {}, "All its conditions hold; it has stepped aside.");
  return h("div.scroll", { tabIndex: 0, role: "region", "aria-label": `What ${stub} refuses` }, h("table.differences", {},
    h("thead", {}, h("tr", {}, h("th", {}, "Where"), h("th", {}, "Expected"), h("th", {}, "Actual"))),
    h("tbody", {}, all.map((one) => h("tr", {},
      h("td", {}, one.path), h("td.expected", {}, one.expected), h("td.actual", {}, one.actual))))));
}

function metadata(title, pairs = []) {
  if (!pairs.length) return "";
  return h("section.block", {}, h("h3", {}, title),
    h("dl.facts.mono", {}, pairs.map((pair) => [
      h("dt", {}, pair.key), h("dd", {}, pair.text ?? `${pair.bytes ?? ""} (base64)`)])));
}
