/** The panel of music terms: categories that can be switched off, and each term with the places where it is said. */

import { fill, h } from "../dom.js";
import { clock, plural, spokenClock } from "../format.js";
import { categoriesOf } from "./marks.js";

/** Emits "filter" (`detail`: Set of hidden categories) and "seek" (`detail`: seconds). */
export class TermsPanel extends EventTarget {
  #hidden = new Set();
  #entries = new Map();
  #definitions = new Map();
  #count = h("span", { class: "count" });
  #legend = h("div", { class: "legend", role: "group", "aria-label": "Categories shown" });
  #list = h("ul", { class: "terms", "aria-label": "Terms" });
  #note = h("p", { class: "help" });

  constructor(open) {
    super();
    const all = (hidden) => () => this.#filter(new Set(hidden ? [...this.#legend.children].map(({ dataset }) => dataset.category) : []));
    this.tools = h("div", { class: "legend-all" },
      h("button", { type: "button", class: "link", onclick: all(false) }, "Show all"),
      h("button", { type: "button", class: "link", onclick: all(true) }, "Hide all"));
    this.element = h("details", { class: "panel", open },
      h("summary", null, h("h2", null, "Music terms"), this.#count),
      h("div", { class: "panel-inside" }, this.#note, this.tools, this.#legend, this.#list));
  }

  /** Tell why there are no terms (yet). */
  wait(text) {
    this.#note.textContent = text;
  }

  /** Show what was found; which categories are hidden stays. */
  show(terms) {
    const categories = categoriesOf(terms);
    this.#count.textContent = terms.terms.length.toLocaleString("en");
    this.#note.textContent = this.#about(terms);
    this.tools.hidden = categories.length < 2;
    fill(this.#legend, categories.map((category) => this.#chip(category)));
    const byId = Map.groupBy(terms.terms, ({ term }) => term);
    const hues = new Map(categories.map(({ id, hue }) => [id, hue]));
    const rows = [...byId].sort(([, one], [, other]) => other.length - one.length || one[0].start - other[0].start);
    this.#entries = new Map(rows.map(([id, places]) => [id, this.#entry(id, places, hues.get(places[0].category))]));
    fill(this.#list, [...this.#entries.values()]);
    this.#filter(this.#hidden);
  }

  #about({ terms, glossary }) {
    if (glossary.problem) return `Found with an older glossary: ${glossary.problem}`;
    return terms.length ? "" : `No term of “${glossary.name}” is said in this lesson.`;
  }

  #chip({ id, name, hue, count }) {
    return h("button", { type: "button", class: `chip hue-${hue}`, "data-category": id, "aria-label": `${name}, ${plural(count, "term")}`, onclick: () => {
      const hidden = new Set(this.#hidden);
      if (!hidden.delete(id)) hidden.add(id);
      this.#filter(hidden);
    } }, h("span", { class: "swatch", "aria-hidden": "true" }), name, h("span", { class: "count" }, count));
  }

  #filter(hidden) {
    this.#hidden = hidden;
    for (const chip of this.#legend.children) chip.setAttribute("aria-pressed", String(!hidden.has(chip.dataset.category)));
    for (const entry of this.#entries.values()) entry.hidden = hidden.has(entry.dataset.category);
    this.dispatchEvent(new CustomEvent("filter", { detail: hidden }));
  }

  /** Definitions, by the id of their term; entries that were opened before these came get theirs now. */
  define(definitions) {
    this.#definitions = definitions;
    for (const [id, entry] of this.#entries) {
      const body = entry.querySelector(".term-body");
      if (body.firstElementChild?.className === "places") body.prepend(this.#definition(id) ?? "");
    }
  }

  #entry(id, places, hue) {
    const [{ canonical, category }] = places;
    const body = h("div", { class: "term-body" });
    const details = h("details", { name: "term", ontoggle: () => {
      if (details.open && !body.hasChildNodes()) fill(body, this.#definition(id), this.#places(places));
    } }, h("summary", null, h("span", { class: "swatch", "aria-hidden": "true" }), h("span", { class: "term-name" }, canonical), h("span", { class: "count" }, places.length)), body);
    return h("li", { class: `hue-${hue}`, "data-category": category }, details);
  }

  #definition(id) {
    const text = this.#definitions.get(id);
    return text ? h("p", null, text) : null;
  }

  #places(places) {
    return h("p", { class: "places" }, places.map(({ start, context }) =>
      h("button", { type: "button", class: "time", title: context, "aria-label": `Play from ${spokenClock(start)}: ${context}`, onclick: () =>
        this.dispatchEvent(new CustomEvent("seek", { detail: start })) }, clock(start))));
  }

  /** Open a term's entry, and bring it into sight where the panel scrolls by itself. */
  choose(id) {
    const entry = this.#entries.get(id);
    if (!entry || entry.hidden || !this.element.open) return;
    const details = entry.querySelector("details");
    details.open = true;
    const scroller = this.#list.parentElement;
    if (scroller.scrollHeight > scroller.clientHeight) scroller.scrollTop = entry.offsetTop - scroller.clientHeight / 3;
  }
}
