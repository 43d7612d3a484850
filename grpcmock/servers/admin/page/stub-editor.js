// Stubs, edited: checked as one types, with what is wrong marked at its line.

import { api } from "./api.js";
import { button, fill, h, settled } from "./dom.js";
import { count } from "./format.js";

/** An editor for the text of stubs. It is added only once nothing is wrong with it. */
export class StubEditor {
  /** `save(text)` adds it, and `onSaved` gets what came of that; `notes` are shown above, `beside` next to the button. */
  constructor({ title, text, notes = [], action, save, onSaved, onCancel, beside = [] }) {
    Object.assign(this, { add: save, onSaved, onCancel, round: 0, saved: text });
    this.lines = h("div.lines", { "aria-hidden": "true" });
    this.marks = h("div.marks", { "aria-hidden": "true" });
    this.area = h("textarea", {
      value: text, spellcheck: false, wrap: "off", "aria-label": "The text of the stub", autocapitalize: "off",
      oninput: () => {
        this.number();
        this.checkSoon();
      },
      onscroll: () => this.follow(),
      onkeydown: (event) => this.press(event),
    });
    this.problems = h("ul.problems", { "aria-live": "polite", "aria-label": "What is wrong" });
    this.verdict = h("span.tally", {});
    this.checkSoon = settled(250, () => this.check());
    this.element = h("section.editor", { "aria-label": title },
      h("h3", {}, title),
      notes.map((note) => h("p.note.warn", {}, note)),
      h("div.code", {}, this.lines, h("div.text", {}, this.marks, this.area)),
      this.problems,
      h("div.actions", {},
        button(action, () => this.save(), { class: "primary", title: "Ctrl-Enter" }),
        onCancel && button("Cancel", () => onCancel()), beside, this.verdict));
    this.number();
    this.check();
  }

  focus() {
    this.area.focus();
    this.area.setSelectionRange(0, 0);
    this.area.scrollTop = 0;
  }

  /** What was written so far, and where one is in it, for another editor to go on with. */
  get written() {
    const { value, selectionStart, selectionEnd, scrollTop } = this.area;
    return { value, selectionStart, selectionEnd, scrollTop, isTyping: document.activeElement === this.area };
  }

  /** Go on with what was written in another one. It must be in the document by now, to get the focus. */
  take({ value, selectionStart, selectionEnd, scrollTop, isTyping }) {
    this.area.value = value;
    this.number();
    if (isTyping) this.area.focus();
    this.area.setSelectionRange(selectionStart, selectionEnd);
    this.area.scrollTop = scrollTop;
    this.check();
  }

  /** Number the lines, and make room for all of them. */
  number() {
    const lines = this.area.value.split("\n").length;
    this.area.rows = Math.min(Math.max(lines + 1, 6), 28);
    if (this.lines.childElementCount !== lines) {
      fill(this.lines, Array.from({ length: lines }, (_, at) => h("span", {}, String(at + 1))));
      fill(this.marks, Array.from({ length: lines }, () => h("span", {}, " ")));
    }
    this.follow();
  }

  follow() {
    const offset = `translateY(${-this.area.scrollTop}px)`;
    this.lines.style.transform = offset;
    this.marks.style.transform = offset;
  }

  press(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.save();
    } else if (event.key === "Escape" && this.onCancel) {
      event.preventDefault();
      event.stopPropagation();
      this.onCancel();
    }
  }

  /** Whether there is something that would be lost. */
  get isEdited() {
    return this.area.value !== this.saved;
  }

  /** Ask the server what is wrong with a text, and show it at its place. Gives whether it can be added. */
  async check(text = this.area.value) {
    const round = (this.round += 1);
    let problems;
    try {
      problems = (await api.checkStubs(text)).problems ?? [];
    } catch (error) {
      problems = [{ severity: "error", message: error.message }];
    }
    // What is shown belongs to the last text that was asked about; whether this one can be added is true all the same.
    if (round === this.round) this.show(problems);
    return !problems.some((problem) => problem.severity === "error");
  }

  show(problems) {
    const worst = new Map();
    for (const { line, severity } of problems) {
      if (line && worst.get(line) !== "error") worst.set(line, severity);
    }
    for (const rows of [this.lines, this.marks]) {
      [...rows.children].forEach((row, at) => {
        row.className = worst.get(at + 1) ?? "";
      });
    }
    fill(this.problems, problems.map((problem) => this.line(problem)));
    const errors = problems.filter((problem) => problem.severity === "error").length;
    this.verdict.textContent = errors ? count(errors, "error") : "Nothing is wrong.";
    this.area.setAttribute("aria-invalid", String(errors > 0));
  }

  line({ severity, line, column, path, message }) {
    const where = line ? `${line}:${column || 1}` : path;
    const go = () => {
      this.area.focus();
      const lines = this.area.value.split("\n");
      const from = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0) + Math.max(0, (column || 1) - 1);
      this.area.setSelectionRange(from, from + Math.max(1, (lines[line - 1]?.length ?? 0) - Math.max(0, (column || 1) - 1)));
    };
    return h("li", { class: severity },
      line ? h("button.where", { type: "button", onclick: go, title: "Go there" }, where) : h("span.where", {}, where ?? ""),
      h("span", {}, line && path ? h("code.mono", {}, path, ": ") : "", message));
  }

  /** Add the text as it stands now, once, however often one asks for it meanwhile. */
  async save() {
    if (this.saving) return;
    this.saving = true;
    const text = this.area.value;
    try {
      if (!(await this.check(text))) {
        this.problems.querySelector("button")?.focus();
        return;
      }
      const added = await this.add(text);
      this.saved = text;
      await this.onSaved(added);
    } catch (error) {
      this.show([{ severity: "error", message: error.message }]);
    } finally {
      this.saving = false;
    }
  }
}
