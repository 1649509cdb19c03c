/** From a time to the word that is spoken then. Pure. */

// A word stays lit through a short silence after it, so that the light does not flicker.
const LINGERS = 1.5;

export class Timeline {
  #starts;
  #ends;

  /** `words` have `start` and `end` in seconds; a correction may have left them slightly out of order. */
  constructor(words) {
    this.#starts = new Float64Array(words.length);
    this.#ends = new Float64Array(words.length);
    let latest = 0;
    words.forEach(({ start, end }, place) => {
      latest = Math.max(latest, start);
      this.#starts[place] = latest;
      this.#ends[place] = Math.max(latest, end);
    });
  }

  /** Return the place of the word at `time`, or -1 where nobody speaks. */
  at(time) {
    const place = this.before(time);
    return place >= 0 && time <= this.#ends[place] + LINGERS ? place : -1;
  }

  /** Return the place of the last word that has begun at `time`, or -1. */
  before(time) {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
