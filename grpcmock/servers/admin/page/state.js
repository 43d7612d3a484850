// The section of all that is remembered: states of scenarios, the clock, health, sessions, notes; and how to go back.

import { api } from "./api.js";
import { View, button, empty, fill, h, say } from "./dom.js";
import { apart, count, moment, seconds } from "./format.js";

/** Tells how the last reload went; nobody else sets it. */
const RELOAD = "grpcmock.reload";

export function stateView() {
  const parts = [scenarios(), sessions(), clock(), health(), goingBack(), notes()];
  const view = new View(h("div.page", {}, h("h1", {}, "State"), h("div.cards", {}, parts.map((part) => part.card))));
  const load = (now) => parts.forEach((part) => part.load(now));
  const timer = setInterval(() => !document.hidden && load(false), 3_000);
  view.onLeave(() => clearInterval(timer));
  load(true);
  return view;
}

/** A card whose content is made anew each time by `draw`; what the server can't do, it says. */
function card(title, draw, kind = "") {
  const body = h("div.card-body", {});
  const self = {
    card: h("section.card", { class: kind }, h("h2", {}, title), body),
    async load(now = true) {
      try {
        const drawn = await draw(self);
        // Whoever is at it isn't disturbed.
        if (now || !body.contains(document.activeElement)) fill(body, drawn);
      } catch (error) {
        fill(body, h("p.note", { class: error.isUnimplemented ? "" : "bad" }, error.message));
        if (error.isUnimplemented) self.load = () => {};
      }
    },
    async change(act, done) {
      try {
        await act();
        say(done);
      } catch (error) {
        say(error.message, "bad");
      }
      await self.load();
    },
  };
  return self;
}

function scenarios() {
  return card("Scenarios", async (self) => {
    const states = Object.entries((await api.states()).states ?? {});
    const scenario = h("input", { "aria-label": "Scenario", placeholder: "login", spellcheck: false });
    const value = h("input", { "aria-label": "State", placeholder: "done", spellcheck: false });
    const set = (name, state) => self.change(() => api.setStates({ [name]: state }), `${name} is ${state}.`);
    return [
      states.length
        ? h("dl.facts.edit", {}, states.map(([name, state]) => {
          const input = h("input", { value: state, "aria-label": `State of ${name}`, spellcheck: false });
          input.addEventListener("keydown", (event) => event.key === "Enter" && set(name, input.value));
          return [h("dt", {}, name), h("dd", {}, input, button("Set", () => set(name, input.value)))];
        }))
        : empty("Every scenario is in “started”.", h("p", {}, "A stub changes one with ", h("code.mono", {}, "set: {login: done}"), "; or set one here.")),
      h("div.inline", {}, scenario, value, button("Set", () => set(scenario.value.trim(), value.value.trim()))),
    ];
  });
}

function clock() {
  return card("Clock", async (self) => {
    const told = await api.clock();
    const offset = seconds(told.offset ?? "0");
    const by = h("input", { "aria-label": "Move by", placeholder: "1h, -30s", size: 8, spellcheck: false });
    const to = h("input", { type: "datetime-local", step: 1, "aria-label": "Set to" });
    return [
      h("p.big", {}, h("time", { dateTime: told.now }, moment(told.now))),
      h("p.tally", {}, [told.frozen ? "It stands still." : "It goes on.", offset ? `${apart(Math.abs(offset))} ${offset > 0 ? "after" : "before"} the machine's.` : "It is the machine's."].join(" ")),
      h("div.inline", {},
        button(told.frozen ? "Let it go on" : "Freeze", () => self.change(() => api.setClock({ frozen: !told.frozen }), "Done.")),
        button("The machine's", () => self.change(() => api.setClock({}), "The clock is the machine's again."))),
      h("div.inline", {}, by, button("Move", () => self.change(() => api.setClock({ advance: by.value.trim() }), `Moved by ${by.value.trim()}.`))),
      h("div.inline", {}, to, button("Set", () => self.change(() => api.setClock({ now: new Date(to.value).toISOString() }), "Set."))),
    ];
  });
}

function health() {
  return card("Health", async (self) => {
    const serving = Object.entries((await api.health()).serving ?? {}).sort(([one], [other]) => one.localeCompare(other));
    return h("ul.rows", {}, serving.map(([service, is]) => h("li.line", {},
      h("span.mono", {}, service || "the whole server"),
      h("span.chip", { class: is ? "ok" : "bad" }, is ? "serving" : "not serving"),
      service !== RELOAD && button(is ? "Stop" : "Serve", () => self.change(() => api.setHealth({ service, serving: !is }), "Done."), {
        "aria-label": `${is ? "Stop" : "Serve"} ${service || "the whole server"}`,
      }))));
  });
}

function sessions() {
  return card("Sessions", async (self) => {
    const all = (await api.sessions()).sessions ?? [];
    if (!all.length) {
      return empty("There is no session.", h("p", {}, "Calls with the metadata ", h("code.mono", {}, "x-grpcmock-session: NAME"), " begin one."));
    }
    return h("ul.rows", {}, all.map((one) => h("li.line", {},
      h("span.mono", {}, one.name),
      h("span.tally", {}, `${count(one.calls ?? 0, "call")}, ${count(one.misses ?? 0, "miss", "misses")}, ${count(one.stubs ?? 0, "stub")}`),
      button("End", () => self.change(() => api.endSession(one.name), `Ended ${one.name}.`), { class: "danger", "aria-label": `End ${one.name}` }))));
  });
}

function notes() {
  return card("Notes", async () => {
    const all = ((await api.notes()).notes ?? []).toReversed();
    if (!all.length) return empty("Nothing to tell.", h("p", {}, "Reloads, and all that changes this mock, are told here."));
    return h("ol.notes", {}, all.map((one) => h("li", { class: one.level },
      h("time", { dateTime: one.time }, moment(one.time)), h("span", {}, one.text))));
  }, "wide");
}

function goingBack() {
  const parts = [
    ["journal", "Calls and notes"], ["counts", "Counts of stubs"], ["states", "States"], ["stubs", "Added stubs"],
    ["faults", "Faults"], ["clock", "Clock"], ["health", "Health"],
  ];
  return card("Reset", async (self) => {
    const boxes = parts.map(([key, label]) => [key, h("input", { type: "checkbox", id: `reset-${key}` }), label]);
    const act = () => {
      const chosen = boxes.filter(([, box]) => box.checked).map(([key]) => [key, true]);
      if (!chosen.length) return say("Choose what goes back to how it was at the start.", "bad");
      return self.change(() => api.reset(Object.fromEntries(chosen)), "Done.");
    };
    return [
      h("div.flags", {}, boxes.map(([key, box, label]) => h("label.check", { htmlFor: `reset-${key}` }, box, label))),
      h("div.actions", {}, button("Reset these", act, { class: "danger" })),
    ];
  });
}
