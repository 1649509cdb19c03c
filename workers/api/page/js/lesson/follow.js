/** Keeps the word that is spoken in sight, until the reader looks elsewhere. */

const LOOKING = new Set(["PageUp", "PageDown", "Home", "End"]);

export class Follow {
  #on;
  #away = false;
  #line = null;

  /**
   * `on` begins; `playing()` tells whether there is something to follow; `shown(state)` is told `on`, `off`, or `away`
   * while the reader looks elsewhere.
   */
  constructor(on, { playing, shown }, signal) {
    this.#on = on;
    Object.assign(this, { playing, shown });
    const away = () => this.away();
    for (const name of ["wheel", "touchmove"]) addEventListener(name, away, { signal, passive: true });
    addEventListener("keydown", (event) => LOOKING.has(event.key) && !event.target.closest("input, textarea, select, video") && away(), { signal });
  }

  get state() {
    return this.#on ? (this.#away ? "away" : "on") : "off";
  }

  set on(on) {
    this.#on = on;
    this.back();
  }

  /** The reader looks elsewhere. */
  away() {
    if (this.#away || !this.#on || !this.playing()) return;
    this.#away = true;
    this.shown(this.state);
  }

  /** The reader wants to see what is spoken again. */
  back() {
    this.#away = false;
    this.#line = null;
    this.shown(this.state);
  }

  /** Bring a word into sight if following, and if it is not where it can be read already. */
  see(span) {
    if (this.state !== "on" || !span) return;
    const box = span.getBoundingClientRect();
    // A line is looked at once: words of the same one don't move the page again.
    if (this.#line !== null && Math.abs(this.#line - (box.top + scrollY)) < 2) return;
    this.#line = box.top + scrollY;
    bring(span);
  }
}

/** Scroll so that an element stands where the eyes are, unless it is there. */
export function bring(element) {
  const box = element.getBoundingClientRect();
  const top = parseFloat(getComputedStyle(element.closest(".segment") ?? element).scrollMarginTop) || 0;
  if (box.top >= top + 8 && box.bottom <= innerHeight * 0.8) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const room = innerHeight - top;
  scrollTo({ top: scrollY + box.top - top - room * 0.25, behavior: calm ? "instant" : "smooth" });
}
