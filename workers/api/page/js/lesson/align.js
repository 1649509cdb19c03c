/** The times of a corrected line: words that stayed keep theirs, the others share what lies between. Pure. */

import { folded } from "./find.js";

// Seconds that a word needs at least; new words that have less between their neighbours share the time of one of them.
const SHORTEST = 0.05;

/**
 * Return the words of `text` as `{start, end, text}`, in order and within the time of the line.
 * `words` are those that the line had; `line` is its `{start, end}`, for a line that had none.
 */
export function realign(words, text, line) {
  const texts = text.trim().split(/\s+/).filter(Boolean);
  const pairs = [...roomy(common(words.map((word) => folded(word.text)), texts.map(folded)), words, texts.length, line), [words.length, texts.length]];
  const result = [];
  let [old, next] = [0, 0];
  for (const [oldEnd, nextEnd] of pairs) {
    result.push(...between(words, old, oldEnd, texts.slice(next, nextEnd), line));
    if (nextEnd < texts.length) result.push({ start: words[oldEnd].start, end: words[oldEnd].end, text: texts[nextEnd] });
    [old, next] = [oldEnd + 1, nextEnd + 1];
  }
  return inOrder(result);
}

/** Leave out pairs beside which words were put in that have no room: these words and the pair's share its time. */
function roomy(pairs, words, count, line) {
  const cramped = new Set();
  for (let place = 0; place <= pairs.length; place += 1) {
    const [old, next] = pairs[place - 1] ?? [-1, -1];
    const [oldEnd, nextEnd] = pairs[place] ?? [words.length, count];
    const [start, end] = stretch(words, old + 1, oldEnd, line);
    const added = nextEnd - next - 1;
    if (oldEnd === old + 1 && end - start < added * SHORTEST) cramped.add(pairs[place - 1] ?? pairs[place]);
  }
  return pairs.filter((pair) => !cramped.has(pair));
}

/** Return start and end of `words[from…to]`, or of the gap at `from` where these are none. */
function stretch(words, from, to, line) {
  if (to > from) return [words[from].start, words[to - 1].end];
  return [words[from - 1]?.end ?? line.start, words[to]?.start ?? line.end];
}

/** Return the words that stand in place of `words[from…to]`. */
function between(words, from, to, texts, line) {
  if (to - from === texts.length) return texts.map((text, place) => ({ start: words[from + place].start, end: words[from + place].end, text }));
  const [start, end] = stretch(words, from, to, line);
  return texts.length ? spread(texts, start, Math.max(start, end)) : [];
}

/** Share a stretch of time among words, by their length. */
function spread(texts, start, end) {
  const whole = texts.reduce((sum, text) => sum + text.length, 0);
  let at = start;
  return texts.map((text) => {
    const word = { start: at, end: at + ((end - start) * text.length) / whole, text };
    at = word.end;
    return word;
  });
}

/** Let no word begin before the one before it. */
function inOrder(words) {
  let latest = 0;
  return words.map(({ start, end, text }) => {
    latest = Math.max(latest, start);
    return { start: latest, end: Math.max(latest, end), text };
  });
}

/** Return the places of a longest common subsequence, as pairs. */
function common(one, other) {
  const width = other.length + 1;
  const lengths = new Uint32Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = other.length - 1; j >= 0; j -= 1) {
      const below = lengths[(i + 1) * width + j];
      const beside = lengths[i * width + j + 1];
      lengths[i * width + j] = one[i] === other[j] ? lengths[(i + 1) * width + j + 1] + 1 : Math.max(below, beside);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < one.length && j < other.length;) {
    if (one[i] === other[j]) pairs.push([i++, j++]);
    else if (lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return pairs;
}
