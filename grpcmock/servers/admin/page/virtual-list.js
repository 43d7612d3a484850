// A list of which only what is seen is in the document, however long it is. It is worked by keys like any list box.

import { fill, h } from "./dom.js";

const BEYOND = 8;

export class VirtualList {
  /**
   * `draw` makes the content of a row; `key` tells rows apart; `onChoose` is called with a row; `onEnd` when the end comes
   * near. Rows are as high as the style sheet says in `--row`.
   */
  constructor({ label, draw, key, onChoose, onEnd }) {
    Object.assign(this, { draw, key, onChoose, onEnd });
    this.rows = [];
    this.chosen = undefined;
    this.active = -1;
    this.drawn = new Map();
    this.space = h("div.space", { role: "presentation" });
    this.element = h("div.list", {
      role: "listbox",
      tabIndex: 0,
      "aria-label": label,
      onscroll: () => this.ask(),
      onkeydown: (event) => this.press(event),
      onclick: (event) => this.click(event),
    }, this.space);
    this.watcher = new ResizeObserver(() => this.measure());
    this.watcher.observe(this.element);
    this.measure();
  }

  stop() {
    this.watcher.disconnect();
  }

  measure() {
    this.height = Number.parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 34;
    this.drawn.clear();
    this.space.replaceChildren();
    this.ask();
  }

  /** Show these rows. `above` is how many of them are new at the top: what is looked at stays where it is. */
  show(rows, above = 0) {
    this.rows = rows;
    this.space.style.height = `${rows.length * this.height}px`;
    if (above) {
      if (this.element.scrollTop > 0) this.element.scrollTop += above * this.height;
      if (this.active >= 0) this.active += above;
    }
    this.active = Math.min(this.active, rows.length - 1);
    this.ask();
  }

  /** Draw at the next frame. */
  ask() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.redraw();
    });
  }

  redraw() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.height) - BEYOND);
    const last = Math.min(this.rows.length, Math.ceil((scrollTop + clientHeight) / this.height) + BEYOND);
    const seen = new Map();
    for (let at = first; at < last; at += 1) {
      const row = this.rows[at];
      const key = this.key(row);
      const before = this.drawn.get(key);
      const node = before && before.row === row ? before.node : this.make(row, key);
      node.style.transform = `translateY(${at * this.height}px)`;
      node.setAttribute("aria-posinset", at + 1);
      node.setAttribute("aria-setsize", this.rows.length);
      node.setAttribute("aria-selected", String(key === this.chosen));
      node.classList.toggle("active", at === this.active);
      node.dataset.at = at;
      seen.set(key, { row, node });
    }
    const nodes = [...seen.values()].map((one) => one.node);
    if (nodes.length !== this.space.childElementCount || nodes.some((node, at) => this.space.children[at] !== node)) {
      fill(this.space, nodes);
    }
    this.drawn = seen;
    const active = this.rows[this.active];
    if (active !== undefined && seen.has(this.key(active))) {
      this.element.setAttribute("aria-activedescendant", `row-${this.key(active)}`);
    } else {
      this.element.removeAttribute("aria-activedescendant");
    }
    if (last >= this.rows.length - 40 && this.rows.length) this.onEnd?.();
  }

  make(row, key) {
    return h("div.row", { role: "option", id: `row-${key}` }, this.draw(row));
  }

  choose(at) {
    const row = this.rows[at];
    if (row === undefined) return;
    this.active = at;
    this.chosen = this.key(row);
    this.onChoose(row);
    this.ask();
  }

  /** Mark the row with this key as chosen, without telling anybody. */
  mark(key) {
    this.chosen = key;
    if (key !== undefined) this.active = this.rows.findIndex((row) => this.key(row) === key);
    this.ask();
  }

  click(event) {
    const row = event.target.closest(".row");
    if (row) this.choose(Number(row.dataset.at));
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) {
      event.preventDefault();
      this.active = Math.min(Math.max(0, this.active + steps[event.key]), this.rows.length - 1);
      this.reveal();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.choose(this.active);
    }
  }

  reveal() {
    const top = this.active * this.height;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) this.element.scrollTop = top + this.height - clientHeight;
    this.ask();
  }
}
