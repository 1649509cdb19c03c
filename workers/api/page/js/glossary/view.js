/** The glossary: its terms and categories, to look through and to edit. */

import { fill, h, settled } from "../dom.js";
import { plural } from "../format.js";
import { icon } from "../icons.js";
import { announce, confirmed, emptiness, failure, loading, toast } from "../notices.js";
import { Draft, mentions } from "./draft.js";
import { askCategory, askTerm } from "./forms.js";

const PAGE = 60;
const TYPING_MILLISECONDS = 120;

export function glossaryView(context) {
  const { api, page, signal, title } = context;
  title("Glossary");
  if (!context.can("glossary:read")) {
    fill(page, h("h1", null, "Glossary"), emptiness("book", "Not with this key", "Your key may not read the glossary. It needs the scope glossary:read."));
    return;
  }
  const place = h("div");
  fill(page, h("h1", null, "Glossary"), place);
  loading(place, 8, () => api.glossary({ signal }), (answer) => new Editor(context, answer), signal);
}

class Editor {
  #query = "";
  #category = "";
  #limit = PAGE;

  constructor({ api, page, can, signal, guard }, { value, version }) {
    Object.assign(this, { api, signal, version, editable: can("glossary:write"), draft: new Draft(value) });
    guard(() => this.draft.count > 0);
    this.about = h("p", { class: "lead" });
    this.categoryCount = h("span", { class: "count" });
    this.categories = h("div", { class: "panel-inside category-list" });
    this.list = h("ul", { class: "entries", "aria-label": "Terms" });
    this.more = h("div");
    this.found = h("p", { class: "help", role: "status" });
    this.select = h("select", { "aria-label": "Category", onchange: () => this.#narrow({ category: this.select.value }) });
    this.bar = h("div", { class: "save-bar", role: "region", "aria-label": "Unsaved changes", hidden: true });
    fill(page,
      h("div", { class: "page-head" }, h("h1", null, "Glossary"),
        this.editable && h("button", { type: "button", class: "primary", onclick: () => this.#editTerm(null) }, icon("plus"), "Add term")),
      this.about,
      h("details", { class: "panel" }, h("summary", null, h("h2", null, "Categories"), this.categoryCount), this.categories),
      h("div", { class: "tools" },
        h("search", { class: "find" }, icon("search"), h("input", { type: "search", "aria-label": "Search in the glossary", placeholder: "Search", autocomplete: "off", oninput: settled((event) => this.#narrow({ query: event.target.value }), TYPING_MILLISECONDS) })),
        this.select),
      this.found, this.list, this.more, this.bar);
    this.#show();
  }

  #narrow({ query = this.#query, category = this.#category }) {
    this.#query = query;
    this.#category = category;
    this.#limit = PAGE;
    this.#showTerms();
  }

  #show() {
    const { draft } = this;
    const { name, version } = draft.glossary;
    this.about.textContent = `${name}, version ${version}: ${plural(draft.terms.length, "term")}. What is saved is used from the next lesson on.`;
    fill(this.select, h("option", { value: "" }, "Every category"), draft.categories.map(({ id, name: text }) => h("option", { value: id, selected: id === this.#category }, text)));
    this.#showCategories();
    this.#showTerms();
    this.#showBar();
  }

  #showCategories() {
    this.categoryCount.textContent = this.draft.categories.length;
    const counts = Map.groupBy(this.draft.terms, ({ category }) => category);
    const rows = this.draft.categories.map((category, place) => {
      const count = counts.get(category.id)?.length ?? 0;
      const label = [h("span", { class: `swatch hue-${place % 14}`, "aria-hidden": "true" }), h("span", { class: "entry-name" }, category.name), h("span", { class: "count" }, plural(count, "term"))];
      return h("li", { class: "entry" },
        this.editable ? h("button", { type: "button", class: "entry-head", onclick: () => this.#editCategory(category, count === 0) }, label) : h("p", { class: "entry-head" }, label),
        h("p", { class: "entry-text" }, category.description));
    });
    fill(this.categories, h("ul", { class: "entries" }, rows),
      this.editable && h("button", { type: "button", class: "small", onclick: () => this.#editCategory(null, false) }, icon("plus"), "Add category"));
  }

  #showTerms() {
    const names = new Map(this.draft.categories.map(({ id, name }, place) => [id, { name, hue: place % 14 }]));
    const found = this.draft.terms.filter((term) => (!this.#category || term.category === this.#category) && mentions(term, this.#query));
    const narrowed = Boolean(this.#query || this.#category);
    this.found.textContent = narrowed ? `${plural(found.length, "term")} found` : "";
    fill(this.list, found.slice(0, this.#limit).map((term) => this.#row(term, names.get(term.category))));
    const rest = found.length - this.#limit;
    fill(this.more,
      found.length === 0 && emptiness("search", "No such term", "No name and no definition has these words."),
      rest > 0 && h("button", { type: "button", class: "wide", onclick: () => this.#showMore() }, `Show ${plural(Math.min(rest, PAGE * 4), "more term")}`));
  }

  #showMore() {
    const before = this.#limit;
    this.#limit += PAGE * 4;
    this.#showTerms();
    this.list.children[before]?.querySelector("button")?.focus();
  }

  #row(term, { name, hue } = { name: term.category, hue: 0 }) {
    const label = [h("span", { class: "entry-name" }, term.canonical), h("span", { class: `tag hue-${hue}` }, name), this.draft.changed("terms", term.id) && h("span", { class: "tag" }, "not saved")];
    return h("li", { class: "entry", "data-term": term.id },
      this.editable ? h("button", { type: "button", class: "entry-head", onclick: () => this.#editTerm(term) }, label) : h("p", { class: "entry-head" }, label),
      h("p", { class: "entry-text" }, term.definition),
      term.variants.length > 0 && h("p", { class: "entry-text help" }, "Also: ", term.variants.join(", ")));
  }

  async #editTerm(term) {
    const answer = await askTerm(term, this.draft.categories, this.#category || this.draft.categories[0].id);
    if (answer === null) return;
    const id = term?.id ?? this.draft.identify("terms", answer.canonical ?? "");
    if (answer === "remove") this.draft.remove("terms", id);
    else this.draft.set("terms", { id, category: answer.category, canonical: answer.canonical, variants: answer.variants, definition: answer.definition, inflect: answer.inflect });
    this.#show();
    const row = [...this.list.children].find((each) => each.dataset.term === id);
    row?.querySelector("button").focus();
  }

  async #editCategory(category, removable) {
    const answer = await askCategory(category, removable);
    if (answer === null) return;
    const id = category?.id ?? this.draft.identify("categories", answer.name ?? "");
    if (answer === "remove") this.draft.remove("categories", id);
    else this.draft.set("categories", { id, name: answer.name, description: answer.description });
    this.#show();
  }

  #showBar(problem = null) {
    const { count } = this.draft;
    this.bar.hidden = count === 0;
    fill(this.bar, problem,
      h("div", { class: "actions" },
        h("p", { class: "push-after" }, `${plural(count, "change")} not saved`),
        h("button", { type: "button", onclick: () => this.#discard() }, "Discard"),
        h("button", { type: "button", class: "primary", onclick: (event) => this.#save(event.target) }, "Save")));
  }

  async #discard() {
    const yes = await confirmed({ title: "Discard your changes?", text: `${plural(this.draft.count, "change")} will be lost.`, yes: "Discard" });
    if (!yes) return;
    this.draft.discard();
    this.#show();
  }

  async #save(button) {
    button.disabled = true;
    button.textContent = "Saving…";
    try {
      this.#take(await this.api.saveGlossary(this.draft.glossary, this.version));
      this.draft.discard();
      toast("The glossary is saved.");
      this.#show();
    } catch (error) {
      if (error.status === 412) await this.#rebase();
      else this.#showBar(failure(error, null, "The glossary is not saved"));
    }
  }

  #take({ value, version }) {
    this.draft.rebase(value);
    this.version = version;
  }

  /** Somebody else saved first: lay the changes over theirs, and let the reader save again. */
  async #rebase() {
    try {
      this.#take(await this.api.glossary({ signal: this.signal }));
    } catch (error) {
      return this.#showBar(failure(error));
    }
    this.#show();
    announce("Somebody saved another version meanwhile");
    this.#showBar(failure({ message: "Your changes now stand on top of theirs. Look at them, then save again." }, null, "Somebody saved another version meanwhile"));
  }
}
