// Elements, made without a framework.

/** Make an element. Keys of `props` that begin with "on" are listeners; the rest are properties or attributes. */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className += ` ${value}`;
    else if (key in element && !key.startsWith("aria") && key !== "list" && key !== "role") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children.flat(3).filter((child) => child !== undefined && child !== null && child !== false && child !== "");
}

/** Put `children` in the place of all that an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

/** Wait until nothing has happened for a while. */
export function settled(milliseconds, act) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...args), milliseconds);
  };
}

let clearing = 0;

/** Say something to those who see the page, and to those who hear it. */
export function say(text, kind = "") {
  const place = document.getElementById("said");
  fill(place, h(`p.toast`, { class: kind }, text));
  clearTimeout(clearing);
  clearing = setTimeout(() => place.replaceChildren(), 6000);
}

export function button(label, act, props = {}) {
  return h("button.button", { type: "button", onclick: act, ...props }, label);
}

/** A labeled field of a form. */
export function field(label, control, hint = "") {
  return h("label.field", {}, h("span.label", {}, label), control, hint && h("span.hint", {}, hint));
}

/** What is there instead of a list that is empty: why, and the next step. */
export function empty(title, ...steps) {
  return h("div.empty", {}, h("p.empty-title", {}, title), steps);
}

/** A line for a terminal, with a button that copies it. */
export function command(text) {
  const copy = button("Copy", async () => {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  });
  return h("div.command", {}, h("pre", { tabIndex: 0, "aria-label": "Command", role: "region" }, text), copy);
}

/** A part of a page that knows how to leave it: what it began is ended by `stop`. */
export class View {
  constructor(...nodes) {
    this.nodes = nodes;
    this.endings = [];
  }

  onLeave(act) {
    this.endings.push(act);
  }

  stop() {
    for (const act of this.endings.splice(0)) act();
  }
}
