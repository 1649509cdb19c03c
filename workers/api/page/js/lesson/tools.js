/** What stands above the transcript: search, following, and the shading of words that the model doubts. */

import { h, framed, settled } from "../dom.js";
import { plural } from "../format.js";
import { icon } from "../icons.js";
import { kept } from "../kept.js";
import { Finder } from "./find.js";
import { bring } from "./follow.js";

const TYPING_MILLISECONDS = 120;

/** Return `{element, renew}`: search in a transcript's text; `renew` after the text has changed. */
export function search(text, onMove) {
  let finder = new Finder([]);
  let found = [];
  let chosen = -1;
  const output = h("output", { class: "count", for: "find" });
  const input = h("input", {
    id: "find", type: "search", placeholder: "Search", "aria-label": "Search in the transcript", autocomplete: "off", spellcheck: "false",
    oninput: settled(() => look(true), TYPING_MILLISECONDS),
    onkeydown: (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        move(event.shiftKey ? -1 : 1);
      } else if (event.key === "Escape" && input.value) {
        event.preventDefault();
        input.value = "";
        look(false);
      }
    },
  });
  const button = (name, step, label) => h("button", { type: "button", class: "quiet square", "aria-label": label, title: label, disabled: true, onclick: () => move(step) }, icon(name));
  const buttons = [button("up", -1, "Previous match"), button("down", 1, "Next match")];
  let asked = "";

  /** Look for what is typed; `go` to the first match from where the reader is. */
  function look(go) {
    asked = input.value;
    found = finder.find(asked);
    chosen = found.length ? Math.max(0, Math.min(chosen, found.length - 1)) : -1;
    if (go) chosen = found.length ? 0 : -1;
    show(go);
  }

  function move(step) {
    if (asked !== input.value) return look(true);
    if (found.length === 0) return;
    chosen = (chosen + step + found.length) % found.length;
    show(true);
  }

  function show(go) {
    text.match(found, chosen);
    for (const each of buttons) each.disabled = found.length === 0;
    output.textContent = asked.trim() === "" ? "" : found.length ? `${chosen + 1} of ${found.length}` : "No match";
    if (!go || chosen < 0) return;
    onMove();
    bring(text.span(found[chosen][0]));
  }

  function renew() {
    finder = new Finder(text.words.map((word) => word.text));
    look(false);
  }
  const element = h("search", { class: "find" }, icon("search"), input, output, buttons);
  return { element, renew };
}

/** Return `{element, renew}`: the slider below whose value words are shaded. */
export function shading(text) {
  const threshold = kept("thoth.unsure", 40);
  const output = h("output", { for: "unsure" });
  const count = h("span", { class: "count", role: "status" });
  const input = h("input", { id: "unsure", type: "range", min: 0, max: 100, step: 5, value: threshold.value, oninput: framed(() => {
    threshold.value = Number(input.value);
    renew();
  }) });

  function renew() {
    const shaded = text.shade(input.value / 100);
    output.textContent = input.value === "0" ? "off" : `${input.value} %`;
    input.setAttribute("aria-valuetext", output.textContent);
    count.textContent = input.value === "0" ? "" : plural(shaded, "word");
  }
  const element = h("div", { class: "shading" }, h("label", { for: "unsure" }, "Shade words less sure than"), input, output, count);
  return { element, renew };
}

/** Return `{element, show(state)}`: the button that turns following on and off, and leads back. */
export function followButton(follow) {
  const element = h("button", { type: "button", class: "follow" }, icon("follow"), h("span", null, "Follow"));
  element.addEventListener("click", () => {
    const { state } = follow();
    if (state === "away") follow().back();
    else follow().on = state === "off";
  });
  function show(state) {
    element.setAttribute("aria-pressed", String(state !== "off"));
    element.classList.toggle("away", state === "away");
    element.lastChild.textContent = state === "away" ? "Back to the sound" : "Follow";
  }
  return { element, show };
}
