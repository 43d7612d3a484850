// The section of faults: profiles that strike calls, with how often each did; added, changed, removed.

import { api } from "./api.js";
import { View, button, empty, field, fill, h, say } from "./dom.js";
import { CODES, count, moment } from "./format.js";

const EFFECTS = [
  ["latency", "Latency", "200ms, or 50ms..300ms", "text"],
  ["abortAfter", "Break off after so many messages", "2", "number"],
  ["wrongStatus", "Send a wrong grpc-status", "99, banana", "text"],
  ["reset", "Reset the stream", "INTERNAL_ERROR, REFUSED_STREAM", "text"],
];
const FLAGS = [
  ["dropStatus", "Leave grpc-status out"], ["goaway", "Send GOAWAY"], ["close", "Close the connection"],
];
const WHICH = [
  ["probability", "Probability", "0.3; always if empty", "number"],
  ["first", "Only the first", "3 calls", "number"],
  ["after", "Not the first", "10 calls", "number"],
  ["seed", "Seed of the draws", "the server's if empty", "number"],
  ["ttl", "Ends after", "1m", "text"],
];

export function faultsView() {
  const list = h("div.groups", {});
  const form = h("section.block.form.framed", {});
  const view = new View(h("div.page", {},
    h("h1", {}, "Faults"),
    h("p.intro", {}, "What goes wrong with calls, whatever stub would answer them. Each profile counts how often it struck."),
    list, form));
  let faults = [];
  let timer = 0;

  async function load() {
    try {
      faults = (await api.faults()).faults ?? [];
      fill(list, faults.length ? h("ul.rows.framed", {}, faults.map(line))
        : empty("Nothing goes wrong.", h("p", {}, "Name a profile below, say what shall go wrong, and set it.")));
      if (!form.childElementCount) edit({});
    } catch (error) {
      form.hidden = true;
      fill(list, h(error.isUnimplemented ? "p.note" : "p.problem", { role: "status" }, error.message));
      if (error.isUnimplemented) clearInterval(timer);
    }
  }

  function line(fault) {
    const struck = Number(fault.struck ?? 0);
    return h("li.fault", {},
      h("div.fault-text", {},
        h("strong.mono", {}, fault.name),
        h("span", {}, effects(fault)),
        h("span.tally", {}, [(fault.methods ?? ["all methods"]).join(", "), which(fault), fault.session && `session ${fault.session}`,
          fault.expires && `until ${moment(fault.expires)}`].filter(Boolean).join(" · "))),
      h("span.times", { class: struck ? "" : "none" }, `${count(struck, "call")} struck`),
      button("Edit", () => edit(fault)),
      button("Remove", () => change(() => api.removeFault(fault.name), `Removed ${fault.name}.`), { class: "danger" }));
  }

  function edit(fault) {
    const value = (key) => (fault[key] === undefined ? "" : String(fault[key]));
    const inputs = new Map();
    const input = (key, label, hint, type) => {
      const control = h("input", { type, step: "any", min: 0, value: value(key), placeholder: hint, spellcheck: false });
      inputs.set(key, { control, type });
      return field(label, control);
    };
    const name = h("input", { value: fault.name ?? "", placeholder: "slow", spellcheck: false, required: true });
    const methods = h("input", { value: (fault.methods ?? []).join(", "), placeholder: "users.v1.UserService/*", spellcheck: false });
    const code = h("select", {}, h("option", { value: "" }, "none"), CODES.slice(1).map((one) => h("option", { value: one }, one)));
    code.value = fault.status?.code ?? "";
    const message = h("input", { value: fault.status?.message ?? "" });
    const most = h("input", { type: "number", min: 0, value: fault.quota?.count ?? "", placeholder: "5 calls" });
    const window = h("input", { value: fault.quota?.window ?? "", placeholder: "1s; in all if empty", spellcheck: false });
    const flags = new Map(FLAGS.map(([key]) => [key, h("input", { type: "checkbox", checked: Boolean(fault[key]), id: `fault-${key}` })]));
    const wrong = h("p", { role: "alert" });
    const save = async () => {
      const told = {};
      const where = methods.value.split(",").map((one) => one.trim()).filter(Boolean);
      if (where.length) told.methods = where;
      if (code.value) told.status = { ...fault.status, code: code.value, message: message.value };
      if (most.value) told.quota = { count: most.value, window: window.value.trim() || undefined };
      for (const [key, { control, type }] of inputs) {
        if (control.value.trim()) told[key] = type === "number" ? Number(control.value) : control.value.trim();
      }
      for (const [key, control] of flags) if (control.checked) told[key] = true;
      try {
        if (!name.value.trim()) throw new Error("The profile needs a name.");
        await api.setFault(name.value.trim(), told);
        say(`${name.value.trim()} is set.`);
        edit({});
        await load();
      } catch (error) {
        fill(wrong, h("span.problem", {}, error.message));
      }
    };
    fill(form,
      h("h2", {}, fault.name ? `Change ${fault.name}` : "A profile"),
      h("div.fields", {}, field("Name", name), field("Methods", methods, "Patterns, with commas between; empty: all.")),
      h("h3", {}, "What goes wrong"),
      h("div.fields", {}, field("End with the status", code), field("Its message", message), EFFECTS.map((one) => input(...one))),
      h("div.flags", {}, FLAGS.map(([key, label]) => h("label.check", { htmlFor: `fault-${key}` }, flags.get(key), label))),
      h("h3", {}, "Which calls it strikes"),
      h("div.fields", {}, WHICH.map((one) => input(...one)), field("At most", most), field("In a window of", window)),
      wrong,
      h("div.actions", {}, button("Set", save, { class: "primary" }), fault.name && button("Cancel", () => edit({}))));
    if (fault.name) name.focus();
  }

  async function change(act, done) {
    try {
      await act();
      say(done);
    } catch (error) {
      say(error.message, "bad");
    }
    await load();
  }

  timer = setInterval(() => !document.hidden && load(), 3_000);
  view.onLeave(() => clearInterval(timer));
  load();
  return view;
}

function effects(fault) {
  return [
    fault.latency && `waits ${fault.latency}`,
    fault.status && `ends with ${fault.status.code}`,
    fault.abortAfter !== undefined && `breaks off after ${count(fault.abortAfter, "message")}`,
    fault.dropStatus && "leaves grpc-status out",
    fault.wrongStatus && `sends grpc-status ${fault.wrongStatus}`,
    fault.reset && `resets with ${fault.reset}`,
    fault.goaway && "sends GOAWAY",
    fault.close && "closes the connection",
  ].filter(Boolean).join(", ");
}

function which(fault) {
  return [
    fault.probability !== undefined && `${Math.round(fault.probability * 1000) / 10} % of calls`,
    fault.first !== undefined && `the first ${fault.first}`,
    fault.after !== undefined && `after the first ${fault.after}`,
    fault.quota && `at most ${fault.quota.count}${fault.quota.window ? ` in ${fault.quota.window}` : ""}`,
  ].filter(Boolean).join(", ");
}
