/** What the page tells: toasts, announcements to screen readers, errors in place, questions. */

import { fill, h, unique } from "./dom.js";
import { icon } from "./icons.js";

const TOAST_SECONDS = 6;

/** Tell a screen reader something that is only seen otherwise. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** Show a line for a few seconds; screen readers hear it. */
export function toast(text) {
  const line = h("p", { class: "toast" }, text);
  document.getElementById("toasts").append(line);
  setTimeout(() => line.remove(), TOAST_SECONDS * 1000);
}

/** Return what is shown in place of something that failed; `again` is called by its button. */
export function failure(error, again = null, title = "That didn't work") {
  return h("div", { class: "notice bad", role: "alert" },
    icon("warn"),
    h("div", { class: "notice-text" },
      h("p", { class: "notice-title" }, title),
      h("p", null, error.message, error.hint ? ` ${error.hint}` : ""),
      error.problems?.length ? h("ul", null, error.problems.map((each) => h("li", null, each))) : null),
    again && h("button", { type: "button", onclick: again }, "Try again"));
}

/** Return what is shown where there is nothing yet. */
export function emptiness(name, title, text, ...more) {
  return h("div", { class: "empty" }, icon(name), h("p", { class: "empty-title" }, title), h("p", null, text), more);
}

/** Return grey bars in the place of what is being loaded. */
export function skeleton(rows, label = "Loading") {
  return h("div", { class: "skeleton", role: "status" },
    h("span", { class: "unseen" }, `${label}…`),
    Array.from({ length: rows }, () => h("div", { class: "bone", "aria-hidden": "true" })));
}

/** Ask before something that can't be taken back; resolves to whether the answer was yes. */
export function confirmed({ title, text, yes, danger = true }) {
  return new Promise((resolve) => {
    const name = unique("question");
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": name, onclose: () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    } },
      h("form", { method: "dialog" },
        h("h2", { id: name }, title),
        h("p", null, text),
        h("div", { class: "actions" },
          h("button", { value: "no", autofocus: true }, "Cancel"),
          h("button", { value: "yes", class: danger ? "danger" : "primary" }, yes))));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A menu under a button, which closes on Escape, outside clicks and choices. */
export function menu(label, content, ...items) {
  const list = h("div", { class: "menu-list" }, items);
  const details = h("details", { class: "menu" },
    h("summary", { "aria-label": label, class: content ? "button" : "button quiet square" }, content ?? icon("more")), list);
  const away = (event) => {
    if (!details.contains(event.target)) details.open = false;
  };
  details.addEventListener("toggle", () => {
    document[details.open ? "addEventListener" : "removeEventListener"]("pointerdown", away);
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    event.stopPropagation();
    details.open = false;
    details.querySelector("summary").focus();
  });
  details.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !details.contains(event.relatedTarget)) details.open = false;
  });
  list.addEventListener("click", (event) => {
    if (event.target.closest("button, a")) details.open = false;
  });
  return details;
}

/** Replace what `place` holds by the skeleton, then by `show(await load())`, or by the failure with a way to repeat. */
export async function loading(place, rows, load, show, signal) {
  fill(place, skeleton(rows));
  try {
    const value = await load();
    if (!signal.aborted) await show(value);
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    const again = () => loading(place, rows, load, show, signal);
    fill(place, failure(error, again, "This could not be loaded"));
  }
}
