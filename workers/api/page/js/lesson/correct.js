/** Correction of one line in its place. */

import { h } from "../dom.js";
import { clock } from "../format.js";
import { toast } from "../notices.js";

export class Correction {
  #open = null;

  /** `save(segment, text)` keeps a correction, and rejects where it can't; `play(segment)` plays a line. */
  constructor(text, { save, play }) {
    Object.assign(this, { text, save, play });
  }

  get unsaved() {
    return this.#open !== null && this.#open.input.value.trim() !== this.#open.before;
  }

  /** Show the editor of a segment, with another text than the line's where one is given. */
  open(place, draft = null, problem = "") {
    if (this.unsaved) {
      toast("Save or cancel the line that you are correcting first.");
      return this.#open.input.focus();
    }
    this.close();
    const segment = this.text.segments[place];
    const line = this.text.line(place);
    if (!segment) return;
    const before = segment.words.map((word) => word.text).join(" ");
    const input = h("textarea", { rows: 1, value: draft ?? before, "aria-label": `Line at ${clock(segment.start)}`, spellcheck: "true", oninput: () => grow(input), onkeydown: (event) => this.#pressed(event) });
    const told = h("p", { class: "field-problem", role: "alert" }, problem);
    const submit = h("button", { class: "primary small" }, "Save");
    const form = h("form", { class: "editor", onsubmit: (event) => {
      event.preventDefault();
      this.#send();
    } }, input, told,
      h("div", { class: "actions" }, submit,
        h("button", { type: "button", class: "small", onclick: () => this.close(true) }, "Cancel"),
        h("button", { type: "button", class: "small quiet", onclick: () => this.play(segment) }, "Play the line"),
        h("span", { class: "help keys" }, "Ctrl + Enter saves, Escape cancels")));
    this.#open = { place, segment, before, input, told, submit, form, line };
    line.classList.add("editing");
    line.append(form);
    grow(input);
    input.focus();
    input.setSelectionRange(input.value.length, input.value.length);
  }

  #pressed(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      this.close(true);
    } else if (event.key === "Enter") {
      // A line is one paragraph: a plain Enter would add nothing to it.
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) this.#send();
    }
  }

  async #send() {
    const { segment, place, input, told, submit } = this.#open;
    if (!this.unsaved) return this.close(true);
    submit.disabled = true;
    input.readOnly = true;
    told.textContent = "";
    const draft = input.value;
    try {
      const problem = await this.save(segment, draft);
      this.close(!problem);
      if (problem) this.open(place, draft, problem);
    } catch (error) {
      told.textContent = `${error.message} ${error.hint ?? ""}`;
    }
    submit.disabled = false;
    input.readOnly = false;
    if (this.#open) this.#open.input.focus();
  }

  /** Remove the editor; `back` puts the focus on the line. */
  close(back = false) {
    if (this.#open === null) return;
    const { form, line, place } = this.#open;
    this.#open = null;
    line.classList.remove("editing");
    form.remove();
    if (back) this.text.focus(this.text.firstWord(place));
  }
}

function grow(input) {
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight + 2}px`;
}
