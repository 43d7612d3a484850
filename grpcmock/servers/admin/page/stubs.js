// The section of stubs: by method, in the order in which they are tried, each to be edited, switched off or removed.

import { allStubs, api } from "./api.js";
import { stubLink } from "./call-detail.js";
import { View, button, command, empty, fill, h, say, settled } from "./dom.js";
import { count, method } from "./format.js";
import { StubEditor } from "./stub-editor.js";

const LAYERS = { LAYER_TEST: "test", LAYER_RUNTIME: "added", LAYER_FILE: "file" };
const NEW = "+";

const begin = (name) => `- method: ${name || "package.Service/Method"}\n  request: {}\n  response: {}\n`;

export function stubsView(place) {
  const tally = h("span.tally", {});
  const groups = h("div.groups", {});
  const detail = h("section.detail", { "aria-label": "The stub", hidden: true });
  const search = h("input", {
    type: "search", placeholder: "Filter …", "aria-label": "Text", oninput: settled(80, () => draw()),
  });
  const unused = h("input", { type: "checkbox", id: "unused", onchange: () => draw() });
  const layout = h("div.split", {},
    h("div.pane", {},
      h("div.toolbar", { role: "search" }, search,
        h("label.check", { htmlFor: "unused" }, unused, "Unused"), h("span.gap", {}),
        button("New stub", () => (location.hash = stubLink(NEW)), { class: "primary" })),
      h("div.columns", {}, tally), groups),
    detail);
  const view = new View(h("h1.hidden", {}, "Stubs"), layout);
  let stubs = [];
  let chosen = "";
  let editor;

  async function load() {
    try {
      stubs = await allStubs({ page_size: 500 });
      draw();
    } catch (error) {
      fill(groups, h("p.problem", { role: "alert" }, error.message));
    }
  }

  function draw() {
    const wanted = search.value.trim().toLowerCase();
    const fits = (stub) =>
      `${stub.method} ${stub.name}`.toLowerCase().includes(wanted) && !(unused.checked && Number(stub.count ?? 0));
    const found = stubs.filter(fits);
    const idle = stubs.filter((stub) => !Number(stub.count ?? 0)).length;
    const used = idle ? `${idle.toLocaleString("en")} of them never chosen` : "each chosen at least once";
    tally.textContent = stubs.length ? `${count(stubs.length, "stub")}, ${used}` : "";
    if (!stubs.length) {
      fill(groups, empty("There are no stubs, so every call is a miss.",
        h("p", {}, "Make a call and turn the miss into a stub, write one here, or begin with a file:"),
        command("grpcmock init protos/ --out stubs/")));
      return;
    }
    const byMethod = Map.groupBy(found.slice(0, 2_000), (stub) => stub.method);
    fill(groups,
      [...byMethod].map(([name, those]) => h("section.group", {},
        h("h2.group-title", {}, method(name), h("span.tally", {}, count(those.length, "stub"))),
        h("ul.rows", {}, those.map(line)))),
      found.length > 2_000 && h("p.note", {}, `${count(found.length - 2_000, "stub")} more: filter to see them.`),
      !found.length && empty("No stub fits.", button("Show all stubs", () => {
        search.value = "";
        unused.checked = false;
        draw();
      })));
  }

  function line(stub) {
    const times = Number(stub.count ?? 0);
    return h("li", {}, h("a.row-link", { href: stubLink(stub.name), "aria-current": stub.name === chosen ? "true" : undefined },
      h("span.stub-name", {}, stub.name),
      h("span.badges", {},
        stub.disabled && h("span.chip.warn", {}, "off"),
        stub.exhausted && h("span.chip.warn", {}, "exhausted"),
        stub.shadowedBy && h("span.chip.bad", { title: `${stub.shadowedBy} is always tried first` }, "shadowed"),
        stub.session && h("span.chip", {}, stub.session),
        stub.layer !== "LAYER_FILE" && h("span.chip.plain", {}, LAYERS[stub.layer] ?? "")),
      h("span.times", { class: times ? "" : "none" }, times ? `${times.toLocaleString("en")}×` : "unused")));
  }

  async function open(name) {
    const isAnother = name !== chosen;
    if (isAnother) editor = undefined;
    chosen = name;
    const isOpen = Boolean(name);
    layout.classList.toggle("open", isOpen);
    detail.hidden = !isOpen;
    draw();
    if (!isOpen) return detail.replaceChildren();
    if (name === NEW) {
      await loaded;
      return chosen === NEW && fill(detail, head("A new stub"), editorOfNew().element);
    }
    // Until it is there, nothing of the one before can be taken for it.
    if (isAnother) fill(detail, head(name));
    try {
      const stub = await api.stub(name);
      if (chosen === name) show(stub, isAnother);
    } catch (error) {
      fill(detail, head(name), h("p.problem", { role: "alert" }, error.message));
    }
    return undefined;
  }

  const head = (title) => h("header.detail-head", {},
    h("button.icon.close", { type: "button", "aria-label": "Close the stub", onclick: () => (location.hash = "#/stubs") }, "✕"),
    h("h2.detail-title.stub-title", { tabIndex: -1 }, title));

  /** Show a stub as it is now; what one has written meanwhile stays. */
  function show(stub, isAnother) {
    const written = !isAnother && editor?.isEdited ? editor.written : undefined;
    fill(detail, whole(stub));
    if (written) editor.take(written);
  }

  function editorOfNew() {
    return new StubEditor({
      title: "Text", text: begin(stubs[0]?.method), action: "Add",
      save: api.addStubs,
      onSaved: async ({ names = [] }) => {
        say(`Added ${names.join(", ")}.`);
        await load();
        location.hash = stubLink(names[0] ?? "");
      },
    });
  }

  function whole(stub) {
    const isAdded = stub.layer === "LAYER_RUNTIME";
    const times = Number(stub.count ?? 0);
    const toggle = button(stub.disabled ? "Switch on" : "Switch off", () =>
      change(() => (stub.disabled ? api.enableStub : api.disableStub)(stub.name), stub.disabled ? "It answers again." : "It steps aside."));
    const remove = isAdded && button("Remove", () => change(async () => {
      await api.removeStub(stub.name);
      location.hash = "#/stubs";
    }, `Removed ${stub.name}.`), { class: "danger" });
    editor = new StubEditor({
      title: "Text", text: stub.yaml ?? "",
      notes: isAdded ? [] : ["It stands in a file, which stays as it is: what you save goes before it until it is removed, or the server ends."],
      action: isAdded ? "Save" : "Save as an added one",
      save: (text) => api.replaceStub(stub.name, text),
      onSaved: () => changed("Saved."),
      beside: [toggle, remove],
    });
    return [head(stub.name), h("div.detail-body", {},
      h("p.lead", {}, method(stub.method), h("span.mono", {}, stub.location || "")),
      stub.shadowedBy && h("p.note.bad", {}, "It can never answer: ",
        h("a", { href: stubLink(stub.shadowedBy) }, stub.shadowedBy),
        " is always tried first, and takes all that this one would. Give this one a higher priority, or a pattern that the other hasn't."),
      stub.disabled && h("p.note.warn", {}, "It is switched off."),
      stub.exhausted && h("p.note.warn", {}, "It is exhausted: it has answered as often as it may, and steps aside."),
      !times && !stub.shadowedBy && h("p.note", {}, "No call was answered by it yet."),
      editor.element,
      h("section.block", {}, h("h3", {}, "The stub"), h("dl.facts", {}, [
        ["Answered", count(times, "call")], ["Layer", LAYERS[stub.layer]], ["Priority", stub.priority ?? 0],
        ["Conditions", stub.conditions ?? 0], ["Session", stub.session],
      ].filter(([, value]) => value !== undefined && value !== "").map(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]))))];
  }

  async function change(act, done) {
    try {
      await act();
      await changed(done);
    } catch (error) {
      say(error.message, "bad");
    }
  }

  async function changed(done) {
    say(done);
    await load();
    if (chosen) await open(chosen);
  }

  view.go = open;
  layout.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chosen && !event.target.closest("textarea")) location.hash = "#/stubs";
  });
  const timer = setInterval(() => !document.hidden && load(), 5_000);
  view.onLeave(() => clearInterval(timer));
  const loaded = load();
  if (place) open(place);
  return view;
}
