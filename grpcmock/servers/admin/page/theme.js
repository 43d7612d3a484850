// Light or dark: as the system has it, or as it was chosen.

import { h } from "./dom.js";

const KEY = "theme";

function apply(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** A switch between both. */
export function themeSwitch() {
  apply(localStorage.getItem(KEY));
  const toggle = h("button.icon", { type: "button", title: "Light or dark" });
  const show = () => {
    toggle.setAttribute("aria-label", isDark() ? "Switch to light" : "Switch to dark");
    toggle.textContent = isDark() ? "☀" : "☾";
  };
  toggle.addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    localStorage.setItem(KEY, next);
    apply(next);
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
  return toggle;
}
