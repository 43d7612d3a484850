// The section of calls: live, newest first, filtered as one types; one of them opened beside the list.

import { api } from "./api.js";
import { CallDetail } from "./call-detail.js";
import { CallStore } from "./call-store.js";
import { View, button, command, empty, fill, h, say, settled } from "./dom.js";
import { CODES, answeredBy, clock, count, method, seconds, statusWord, took, tone } from "./format.js";
import { VirtualList } from "./virtual-list.js";

const STATES = { live: "Live", lost: "Reconnecting…", ended: "The stream has ended", paused: "Paused" };

function draw(call) {
  return [
    h("span.time", {}, clock(call.started)),
    h("span.chip", { class: tone(call) }, statusWord(call)),
    method(call.method),
    h("span.summary", { title: call.summary }, call.summary ?? ""),
    h("span.by", {}, answeredBy(call)),
    h("span.took", {}, call.duration === undefined ? "…" : took(seconds(call.duration))),
  ];
}

export function callsView(place) {
  const filter = { text: "", method: "", stub: "", code: "", misses: false };
  const live = h("span.live", { role: "status" }, "");
  const tally = h("span.tally", {});
  const nothing = h("div", {});
  const detailPlace = h("section.detail", { "aria-label": "The call", hidden: true });
  const list = new VirtualList({
    label: "Calls, newest first",
    key: (call) => call.id,
    draw,
    onChoose: (call) => (location.hash = `#/calls/${call.id}`),
    onEnd: () => store.older(),
  });
  let detail;
  let welcome;
  const store = new CallStore({
    onChange: (calls, above) => {
      list.show(calls, above);
      list.element.ariaBusy = String(store.loading);
      showTally();
    },
    onTouch: (id) => detail?.id === id && detail.refresh(),
    onState: (state) => {
      live.dataset.state = state;
      live.textContent = STATES[state];
    },
    onError: (error) => {
      list.element.hidden = true;
      list.element.ariaBusy = "false";
      fill(nothing, h("p.problem", { role: "alert" }, error.message));
    },
  });

  function showTally() {
    const parts = [`${count(store.calls.length, "call")}${store.more ? ", and older ones" : ""}`];
    if (store.skipped) parts.push(`${count(store.skipped, "call")} came too fast to be shown`);
    if (store.dropped) parts.push(`${count(store.dropped, "call")} dropped from the journal`);
    tally.textContent = parts.join(" · ");
    const isFiltered = Object.values(filter).some(Boolean);
    list.element.hidden = !store.calls.length;
    if (store.calls.length || store.loading) return nothing.replaceChildren();
    if (isFiltered) return fill(nothing, empty("No call fits.", button("Show all calls", clear)));
    welcome ??= welcoming();
    return fill(nothing, welcome);
  }

  const reopenSoon = settled(150, () => store.open(filter));
  function reopen() {
    list.element.ariaBusy = "true";
    store.drop();
    reopenSoon();
  }
  function input(name, props) {
    const element = h(props.tag ?? "input", {
      ...props, tag: undefined, value: filter[name],
      oninput: () => {
        filter[name] = element.type === "checkbox" ? element.checked : element.value.trim();
        reopen();
      },
    }, props.children);
    return element;
  }
  const code = h("select", {
    "aria-label": "Status",
    onchange: () => {
      filter.code = code.value;
      store.open(filter);
    },
  }, h("option", { value: "" }, "Any status"), CODES.map((name) => h("option", { value: name }, name)));
  const text = input("text", { type: "search", placeholder: "Filter …", "aria-label": "Text" });
  const methods = h("datalist", { id: "methods" });
  const stubs = h("datalist", { id: "stub-names" });
  const methodInput = input("method", { placeholder: "Method", "aria-label": "Method", list: "methods", spellcheck: false });
  const stubInput = input("stub", { placeholder: "Stub", "aria-label": "Stub", list: "stub-names", spellcheck: false });
  const misses = input("misses", { type: "checkbox", id: "misses" });

  function clear() {
    Object.assign(filter, { text: "", method: "", stub: "", code: "", misses: false });
    for (const control of [text, methodInput, stubInput, code]) control.value = "";
    misses.checked = false;
    store.open(filter);
  }

  async function forget() {
    if (!confirm("Forget all calls?")) return;
    try {
      await api.clearCalls();
      say("The journal is empty.");
      store.open(filter);
    } catch (error) {
      say(error.message, "bad");
    }
  }

  methodInput.addEventListener("focus", () => suggest(methods, async () => {
    const { services = [] } = await api.services();
    return services.flatMap((service) => (service.methods ?? []).map((one) => `${service.name}/${one.name}`));
  }));
  stubInput.addEventListener("focus", () => suggest(stubs, async () =>
    ((await api.stubs({ page_size: 500 })).stubs ?? []).map((stub) => stub.name)));

  const pane = h("div.pane.calls", {},
    h("div.toolbar", { role: "search" },
      text, methodInput, stubInput, code,
      h("label.check", { htmlFor: "misses" }, misses, "Misses"),
      h("span.gap", {}), button("Clear", forget, { title: "Forget all calls" })),
    h("div.columns", {}, live, tally),
    nothing, list.element, methods, stubs);
  const layout = h("div.split", {}, pane, detailPlace);
  const view = new View(h("h1.hidden", {}, "Calls"), layout);

  view.go = (id) => {
    detail?.stop();
    detail = undefined;
    const isOpen = /^\d+$/.test(id);
    layout.classList.toggle("open", isOpen);
    detailPlace.hidden = !isOpen;
    list.mark(isOpen ? id : undefined);
    if (!isOpen) return detailPlace.replaceChildren();
    detail = new CallDetail(id, { onClose: close });
    fill(detailPlace, detail.element);
    // Where there is no room for both, the list is gone, and the focus with it.
    if (!list.element.offsetParent) detail.heading.focus();
    return undefined;
  };
  function close() {
    location.hash = "#/calls";
    list.element.focus({ preventScroll: true });
  }
  layout.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && detail && !event.target.closest("dialog, textarea")) close();
  });
  view.onLeave(() => {
    store.close();
    list.stop();
    detail?.stop();
  });
  store.open(filter);
  view.go(place);
  return view;
}

/** What is there as long as there are no calls. */
function welcoming() {
  const shown = empty(
    "No calls yet.",
    h("p", {}, "Each call that reaches this server appears here as it happens. Make one:"),
    command(`curl ${location.origin}/v1/calls --json '{"method": "package.Service/Method", "messages": [{}]}'`),
    h("p", {}, "or from ", h("a", { href: "#/services" }, "Services"), ", where a form has an example filled in."),
  );
  firstCall().then((text) => text && fill(shown.querySelector("pre"), text), () => {});
  return shown;
}

async function suggest(datalist, names) {
  try {
    fill(datalist, (await names()).map((value) => h("option", { value })));
  } catch {
    // One can type it.
  }
}

/** A line that makes a call by way of the address of this page: it is known, and curl is everywhere. */
async function firstCall() {
  const { services = [] } = await api.services();
  const found = services.find((one) => one.methods?.length);
  if (!found) return "";
  const [method] = (await api.service(found.name)).methods;
  const body = JSON.stringify({ method: `${found.name}/${method.name}`, messages: [JSON.parse(compact(method.example))] });
  return `curl ${location.origin}/v1/calls --json '${body.replaceAll("'", "\\u0027")}'`;
}

function compact(text) {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return "{}";
  }
}
