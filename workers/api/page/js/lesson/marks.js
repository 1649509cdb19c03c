/** Where the terms stand in the lines of a transcript, and how their categories look. Pure. */

/** Colours that `css/transcript.css` knows; categories beyond begin anew. */
const HUES = 14;

/** Return `{id, name, hue, count}` for each category that was spoken, in the glossary's order. */
export function categoriesOf(terms) {
  return terms.glossary.categories
    .map(({ id, name }, place) => ({ id, name, hue: place % HUES, count: terms.counts[id] ?? 0 }))
    .filter(({ count }) => count > 0);
}

/** Return, for each segment's id, its marks `{first, last, hue, term}` in order; none reaches over another. */
export function marksOf(terms, segments) {
  const hues = new Map(terms.glossary.categories.map(({ id }, place) => [id, place % HUES]));
  const places = new Map(segments.map(({ id }, place) => [id, place]));
  const marks = new Map();
  for (const term of terms.terms) {
    const from = places.get(term.segment_id);
    const to = places.get(term.last_segment_id);
    if (from === undefined || to === undefined || !stillThere(term, segments[from], segments[to])) continue;
    for (let place = from; place <= to; place += 1) {
      const { id, words } = segments[place];
      const first = place === from ? term.first_word : 0;
      const last = place === to ? term.last_word : words.length - 1;
      const own = marks.get(id) ?? [];
      if (first <= last && first > (own.at(-1)?.last ?? -1)) marks.set(id, [...own, { first, last, hue: hues.get(term.category) ?? 0, term }]);
    }
  }
  return marks;
}

/** Whether a term's first and last word are where it says: after a correction they move until the terms are found anew. */
function stillThere({ surface, first_word: first, last_word: last }, from, to) {
  const spoken = surface.split(" ");
  const begins = from.words[first]?.text.includes(spoken[0]);
  return Boolean(begins && to.words[last]?.text.includes(spoken.at(-1)));
}
