// The page: its sections, and which of them is shown.

import { api, chooseSession, session } from "./api.js";
import { fill, h } from "./dom.js";
import { callsView } from "./calls.js";
import { faultsView } from "./faults.js";
import { servicesView } from "./services.js";
import { stateView } from "./state.js";
import { stubsView } from "./stubs.js";
import { themeSwitch } from "./theme.js";

const SECTIONS = [
  { name: "calls", label: "Calls", view: callsView },
  { name: "stubs", label: "Stubs", view: stubsView },
  { name: "services", label: "Services", view: servicesView },
  { name: "faults", label: "Faults", view: faultsView },
  { name: "state", label: "State", view: stateView },
];

const main = document.getElementById("main");
let shown = { section: null, view: null };

function route() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const section = SECTIONS.find((one) => one.name === name) ?? SECTIONS[0];
  const place = decodeURIComponent(rest.join("/"));
  for (const link of document.querySelectorAll("#tabs a")) {
    if (link.dataset.name === section.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (shown.section === section && shown.view.go) {
    shown.view.go(place);
    return;
  }
  shown.view?.stop();
  const view = section.view(place);
  shown = { section, view };
  document.title = `${section.label} · grpcmock`;
  main.dataset.section = section.name;
  fill(main, view.nodes);
}

function again() {
  shown.view?.stop();
  shown = { section: null, view: null };
  route();
}

/** Which session everything is about; it is there only where there are some. */
function sessionChoice() {
  const select = h("select", { "aria-label": "Session", hidden: true });
  select.addEventListener("change", () => {
    chooseSession(select.value);
    again();
  });
  let timer = 0;
  const look = async () => {
    let names = [];
    try {
      names = ((await api.sessions()).sessions ?? []).map((one) => one.name);
    } catch (error) {
      if (error.isUnimplemented) clearInterval(timer);
    }
    const kept = session();
    if (kept && !names.includes(kept)) names.push(kept);
    fill(select, h("option", { value: "" }, "All sessions"), names.map((name) => h("option", { value: name }, name)));
    select.value = kept;
    select.hidden = !names.length;
  };
  select.addEventListener("focus", look);
  timer = setInterval(look, 10_000);
  look();
  return select;
}

function keys(event) {
  const typing = event.target.closest("input, textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || typing) return;
  if (event.key === "/") {
    const search = main.querySelector("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
    return;
  }
  const section = SECTIONS[Number(event.key) - 1];
  if (section) location.hash = `#/${section.name}`;
}

fill(
  document.getElementById("tabs"),
  SECTIONS.map(({ name, label }, at) =>
    h("a", { href: `#/${name}`, "data-name": name, title: `${label} (key ${at + 1})` }, label)),
);
fill(document.getElementById("tools"), sessionChoice(), themeSwitch());
addEventListener("hashchange", route);
document.addEventListener("keydown", keys);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
route();
