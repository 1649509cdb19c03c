/** A glossary with changes that are not saved yet; they can be laid over a newer version. Pure. */

export class Draft {
  #base;
  #changes = { categories: new Map(), terms: new Map() };

  constructor(glossary) {
    this.#base = glossary;
  }

  /** Number of categories and terms that differ from what is saved. */
  get count() {
    return this.#changes.categories.size + this.#changes.terms.size;
  }

  get categories() {
    return this.#laid("categories");
  }

  get terms() {
    return this.#laid("terms");
  }

  /** The whole, as it is saved. */
  get glossary() {
    return { ...this.#base, categories: this.categories, terms: this.terms };
  }

  /** What is saved, with the changed entries in their place, the new ones at the end, and without those removed. */
  #laid(kind) {
    const changes = new Map(this.#changes[kind]);
    const laid = this.#base[kind].flatMap((entry) => {
      const change = changes.get(entry.id);
      if (!changes.delete(entry.id)) return [entry];
      return change ? [change] : [];
    });
    return [...laid, ...[...changes.values()].filter(Boolean)];
  }

  #saved(kind, id) {
    return this.#base[kind].find((entry) => entry.id === id);
  }

  /** Add or change an entry of `categories` or `terms`. */
  set(kind, entry) {
    if (JSON.stringify(this.#saved(kind, entry.id)) === JSON.stringify(entry)) this.#changes[kind].delete(entry.id);
    else this.#changes[kind].set(entry.id, entry);
  }

  /** Remove an entry. */
  remove(kind, id) {
    if (this.#saved(kind, id)) this.#changes[kind].set(id, null);
    else this.#changes[kind].delete(id);
  }

  /** Whether an entry differs from what is saved. */
  changed(kind, id) {
    return this.#changes[kind].has(id);
  }

  /** Lay the changes over a newer version. */
  rebase(glossary) {
    this.#base = glossary;
  }

  discard() {
    this.#changes = { categories: new Map(), terms: new Map() };
  }

  /** Return an id for a new entry, made of its name. */
  identify(kind, name) {
    const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-");
    const stem = plain.replace(/^-+|-+$/g, "").slice(0, 56).replace(/-+$/, "") || kind.slice(0, -1);
    const taken = new Set([...this.#base[kind], ...this[kind]].map(({ id }) => id));
    let id = stem;
    for (let count = 2; taken.has(id); count += 1) id = `${stem}-${count}`;
    return id;
  }
}

/** Return whether a term has `query` in one of its names or its definition. */
export function mentions({ canonical, variants, definition }, query) {
  const wanted = query.trim().toLowerCase();
  return wanted === "" || [canonical, ...variants, definition].some((text) => text.toLowerCase().includes(wanted));
}
