/** Light, dark, or as the system has it; kept in the browser. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { kept } from "./kept.js";

const THEMES = ["system", "light", "dark"];
const ICONS = { system: "screen", light: "sun", dark: "moon" };
const theme = kept("thoth.theme", "system");

/** Set the page's theme to the kept one. */
export function applyTheme() {
  document.documentElement.dataset.theme = theme.value;
}

/** Return the button that goes from one theme to the next. */
export function themeButton() {
  const button = h("button", { type: "button", class: "quiet square", onclick: () => {
    theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
    applyTheme();
    show();
  } });
  const show = () => {
    const name = `Theme: ${theme.value}`;
    button.replaceChildren(icon(ICONS[theme.value] ?? "screen"));
    button.setAttribute("aria-label", name);
    button.title = name;
  };
  show();
  return button;
}
