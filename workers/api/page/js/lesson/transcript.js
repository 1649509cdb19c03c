/** The transcript as text: one line a segment, one span a word, of which the keyboard reaches one at a time. */

import { h } from "../dom.js";
import { clock, percent, spokenClock } from "../format.js";
import { icon } from "../icons.js";

/** Emits "word" (`detail`: place), "edit" (`detail`: segment's place), "toggle" when play or pause is asked for. */
export class TranscriptText extends EventTarget {
  /** All words in one row. */
  words = [];
  segments = [];
  #lines = [];
  #spans = [];
  #places = new Map();
  #firsts = [];
  #marks = new Map();
  #hidden = new Set();
  #threshold = 0;
  #matches = [];
  #current = -1;
  #active = 0;

  constructor({ editable }) {
    super();
    this.editable = editable;
    this.element = h("div", {
      class: "transcript", role: "group", "aria-label": "Transcript", "aria-describedby": "transcript-keys",
      onclick: (event) => this.#clicked(event), onkeydown: (event) => this.#pressed(event),
    });
  }

  /** Show a transcript with the marks of its terms; lines that are the same stay. */
  show({ language, segments }, marks) {
    this.element.lang = language;
    const before = new Map(this.segments.map((segment, place) => [segment.id, { segment, marks: this.#marks.get(segment.id), line: this.#lines[place] }]));
    this.#lines = segments.map((segment) => {
      const old = before.get(segment.id);
      const same = old && JSON.stringify([old.segment, old.marks]) === JSON.stringify([segment, marks.get(segment.id)]);
      return same ? old.line : this.#line(segment, marks.get(segment.id) ?? []);
    });
    this.segments = segments;
    this.#marks = marks;
    if (before.size !== segments.length || this.#lines.some((line, place) => this.element.children[place] !== line.element)) {
      this.element.replaceChildren(...this.#lines.map(({ element }) => element));
    }
    this.#count();
  }

  /** Number the words anew, and give them back what they were shown with. */
  #count() {
    this.words = this.segments.flatMap(({ words }) => words);
    this.#spans = this.#lines.flatMap(({ spans }) => spans);
    this.#places = new Map(this.#spans.map((span, place) => [span, place]));
    let count = 0;
    this.#firsts = this.segments.map(({ words }) => (count += words.length) - words.length);
    const current = this.#current;
    this.#current = -1;
    this.light(current);
    this.hide(this.#hidden);
    this.#shadeAll();
    this.#reach(Math.min(this.#active, this.#spans.length - 1));
  }

  #line(segment, marks) {
    const at = clock(segment.start);
    const spans = segment.words.map(({ text }) => h("span", { class: "word" }, text));
    const text = h("p", { class: "line", dir: "auto" });
    let place = 0;
    const until = (parent, end) => {
      for (; place < end; place += 1) parent.append(...(parent.hasChildNodes() ? [" "] : []), spans[place]);
    };
    for (const { first, last, hue, term } of marks) {
      until(text, first);
      const mark = h("mark", { class: `term hue-${hue}`, "data-category": term.category });
      until(mark, last + 1);
      if (text.hasChildNodes()) text.append(" ");
      text.append(mark);
    }
    until(text, spans.length);
    const element = h("div", { class: "segment" },
      h("button", { type: "button", class: "time", tabindex: -1, "aria-label": `Play from ${spokenClock(segment.start)}` }, at),
      text,
      this.editable && h("button", { type: "button", class: "quiet square correct", tabindex: -1, "aria-label": `Correct the line at ${at}`, title: "Correct this line" }, icon("edit")));
    return { element, spans };
  }

  /** Return a word's element, or undefined. */
  span(place) {
    return this.#spans[place];
  }

  line(segment) {
    return this.#lines[segment]?.element;
  }

  /** Return the place of the segment that holds a word. */
  segmentOf(place) {
    let segment = this.#firsts.findLastIndex((first) => first <= place);
    while (segment > 0 && this.segments[segment].words.length === 0) segment -= 1;
    return segment;
  }

  firstWord(segment) {
    return this.#firsts[segment];
  }

  /** Light the word that is spoken; -1 lights none. */
  light(place) {
    if (place === this.#current) return;
    this.#lit(this.#current, false);
    this.#lit(place, true);
    this.#current = place;
  }

  #lit(place, on) {
    const span = this.#spans[place];
    if (!span) return;
    span.classList.toggle("now", on);
    span.closest(".segment").classList.toggle("now", on);
    if (on) span.setAttribute("aria-current", "true");
    else span.removeAttribute("aria-current");
  }

  /** Leave the terms of some categories (a Set of ids) unmarked. */
  hide(categories) {
    this.#hidden = categories;
    for (const mark of this.element.querySelectorAll("mark.term")) mark.classList.toggle("off", categories.has(mark.dataset.category));
  }

  /** Shade the words whose probability is below `threshold` (0 to 1); return how many they are. */
  shade(threshold) {
    this.#threshold = threshold;
    return this.#shadeAll();
  }

  #shadeAll() {
    let count = 0;
    this.#spans.forEach((span, place) => {
      const { probability } = this.words[place];
      const doubtful = probability < this.#threshold;
      count += doubtful;
      const level = doubtful ? (probability < 0.3 ? "unsure much" : probability < 0.5 ? "unsure more" : "unsure") : "";
      if ((span.dataset.unsure ?? "") === level) return;
      span.classList.remove("unsure", "more", "much");
      if (level) span.classList.add(...level.split(" "));
      span.dataset.unsure = level;
    });
    return count;
  }

  /** Show matches `[first, last]`; `chosen` is the one that is looked at. */
  match(matches, chosen) {
    for (const span of this.#matches) span.classList.remove("match", "chosen");
    this.#matches = [];
    matches.forEach(([first, last], number) => {
      for (const span of this.#spans.slice(first, last + 1)) {
        span.classList.add("match");
        if (number === chosen) span.classList.add("chosen");
        this.#matches.push(span);
      }
    });
  }

  /** Let the keyboard reach a word, and no other one. */
  #reach(place) {
    const old = this.#spans[this.#active];
    for (const name of ["tabindex", "role", "aria-description"]) old?.removeAttribute(name);
    const span = this.#spans[place];
    if (!span) return;
    const { probability } = this.words[place];
    const term = span.closest("mark.term:not(.off)") ? "music term, " : "";
    span.tabIndex = 0;
    span.setAttribute("role", "button");
    span.setAttribute("aria-description", `${term}${percent(probability)} sure`);
    this.#active = place;
  }

  /** Put the focus on a word. */
  focus(place = this.#active) {
    this.#reach(place);
    this.#spans[place]?.focus();
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #clicked(event) {
    if (event.target.closest(".editor")) return;
    const segment = this.#lines.findIndex(({ element }) => element === event.target.closest(".segment"));
    const word = event.target.closest(".word");
    if (event.target.closest(".correct")) this.#tell("edit", segment);
    else if (event.target.closest(".time")) this.#tell("time", segment);
    else if (word && getSelection().isCollapsed) {
      this.#reach(this.#places.get(word));
      this.#tell("word", this.#active);
    }
  }

  #pressed(event) {
    if (!this.#places.has(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const segment = this.segmentOf(this.#active);
    const moves = {
      ArrowRight: () => this.focus(Math.min(this.#active + 1, this.#spans.length - 1)),
      ArrowLeft: () => this.focus(Math.max(this.#active - 1, 0)),
      ArrowDown: () => this.#focusLine(segment, 1),
      ArrowUp: () => this.#focusLine(segment, -1),
      Home: () => this.focus(this.#firsts[segment]),
      End: () => this.focus(this.#firsts[segment] + this.segments[segment].words.length - 1),
      Enter: () => this.#tell("word", this.#active),
      " ": () => this.#tell("word", this.#active),
      p: () => this.#tell("toggle"),
      e: () => this.editable && this.#tell("edit", segment),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
    if (event.key.startsWith("Arrow")) this.#tell("walk");
  }

  #focusLine(segment, step) {
    let to = segment + step;
    while (this.segments[to]?.words.length === 0) to += step;
    if (this.segments[to]) this.focus(this.#firsts[to]);
  }
}
