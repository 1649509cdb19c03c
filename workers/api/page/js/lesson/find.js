/** Search in a row of words, across the borders of words and lines. Pure. */

/** Return text as it is compared: without case, accents, and punctuation around it. */
export function folded(text) {
  const plain = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain.replace(/^[^\p{L}\p{N}#+]+|[^\p{L}\p{N}#+]+$/gu, "") || plain;
}

/** Finds what was typed; made once for a transcript. */
export class Finder {
  #text;
  #starts;

  constructor(texts) {
    this.#starts = new Uint32Array(texts.length);
    let length = 0;
    const parts = texts.map((text, place) => {
      const part = folded(text);
      this.#starts[place] = length;
      length += part.length + 1;
      return part;
    });
    this.#text = parts.join(" ");
  }

  /** Return `[first, last]` places of words for each match, in order. */
  find(query) {
    const wanted = query.trim().split(/\s+/).map(folded).join(" ");
    const found = [];
    if (wanted === "") return found;
    for (let at = this.#text.indexOf(wanted); at >= 0; at = this.#text.indexOf(wanted, at + wanted.length)) {
      found.push([this.#word(at), this.#word(at + wanted.length - 1)]);
    }
    return found;
  }

  /** Return the place of the word that holds a character. */
  #word(at) {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle] <= at) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
