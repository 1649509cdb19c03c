/** The body of a lesson: puts recording, transcript, tools, terms and correction together. */

import { fill, h } from "../dom.js";
import { language } from "../format.js";
import { kept } from "../kept.js";
import { announce, emptiness, failure, skeleton, toast } from "../notices.js";
import { ENDED } from "../stages.js";
import { realign } from "./align.js";
import { Correction } from "./correct.js";
import { bring, Follow } from "./follow.js";
import { marksOf } from "./marks.js";
import { Player } from "./player.js";
import { TermsPanel } from "./terms.js";
import { Timeline } from "./timeline.js";
import { followButton, search, shading } from "./tools.js";
import { TranscriptText } from "./transcript.js";

const CONFLICT = "Somebody corrected this transcript meanwhile. You see the newest version now; save again to keep yours.";
const KEYS = "Arrow keys move between words and lines. Enter plays from a word, P plays and pauses.";

export class Reading {
  #transcript = null;
  #version = null;
  #terms = null;
  #timeline = new Timeline([]);

  /** `onRead(transcript)` is called with each version, `onCorrected()` when a correction was saved. */
  constructor(context, job, { onRead, onCorrected }) {
    const { api, can, signal, guard } = context;
    Object.assign(this, { api, job, signal, onRead, onCorrected, mayReadGlossary: can("glossary:read") });
    const wide = matchMedia("(min-width: 60rem)").matches;
    this.text = new TranscriptText({ editable: can("jobs:write") });
    this.player = new Player(() => api.media(job.id), job.name, signal);
    this.panel = new TermsPanel(wide);
    this.correction = new Correction(this.text, { save: (segment, text) => this.#save(segment, text), play: ({ start, end }) => this.player.playBetween(start, end) });
    guard(() => this.correction.unsaved);
    const following = kept("thoth.follow", true);
    const button = followButton(() => this.follow);
    const shown = (state) => {
      following.value = state !== "off";
      button.show(state);
    };
    this.follow = new Follow(following.value, { playing: () => !this.player.video.paused, shown }, signal);
    button.show(this.follow.state);
    this.search = search(this.text, () => this.follow.away());
    this.shading = shading(this.text);
    this.place = h("div", null, skeleton(8, "Loading the transcript"));
    this.element = h("div", { class: "lesson-body" },
      h("div", { class: "side" }, this.player.element, this.panel.element),
      h("section", { class: "reading", "aria-label": "Transcript" },
        h("div", { class: "tools" }, this.search.element, button.element, this.shading.element),
        this.place,
        h("p", { id: "transcript-keys", class: "help keys" }, KEYS, this.text.editable ? " E corrects the line." : "")));
    this.#listen();
  }

  #listen() {
    const { text, player, panel, follow } = this;
    text.addEventListener("word", ({ detail }) => {
      player.seek(text.words[detail].start);
      follow.back();
      panel.choose(this.#termAt(detail));
    });
    text.addEventListener("time", ({ detail }) => {
      player.seek(text.segments[detail].start);
      follow.back();
    });
    text.addEventListener("walk", () => follow.away());
    text.addEventListener("toggle", () => player.toggle());
    text.addEventListener("edit", ({ detail }) => {
      follow.away();
      this.correction.open(detail);
    });
    panel.addEventListener("filter", ({ detail }) => text.hide(detail));
    panel.addEventListener("seek", ({ detail }) => {
      player.seek(detail);
      follow.back();
      bring(text.span(Math.max(0, this.#timeline.before(detail))));
    });
    player.addEventListener("time", ({ detail }) => {
      const word = this.#timeline.at(detail);
      text.light(word);
      if (!player.video.paused) follow.see(text.span(word));
    });
  }

  #termAt(word) {
    const segment = this.text.segmentOf(word);
    const number = word - this.text.firstWord(segment);
    const marks = this.#marks.get(this.text.segments[segment].id) ?? [];
    return marks.find(({ first, last }) => first <= number && number <= last)?.term.term;
  }

  #marks = new Map();

  /** Load all that there is. */
  async load() {
    const { api, job, signal } = this;
    this.player.load();
    this.#tellOfTerms();
    try {
      const [transcript, terms] = await Promise.all([api.transcript(job.id, { signal }), this.#foundTerms()]);
      this.#take(transcript);
      this.#takeTerms(terms);
      this.#subtitle();
    } catch (error) {
      if (!signal.aborted) fill(this.place, failure(error, () => this.load(), "The transcript could not be loaded"));
    }
    await this.#define();
  }

  /** The job has changed; load the terms once they have been found anew. */
  async change(job) {
    const found = job.state === "completed" && this.job.state !== "completed";
    this.job = job;
    this.#tellOfTerms();
    if (!found) return;
    const terms = await this.#foundTerms().catch(() => null);
    if (!this.signal.aborted && terms) this.#takeTerms(terms);
  }

  #tellOfTerms() {
    if (!this.#terms) this.panel.wait(ENDED.has(this.job.state) ? "The terms were not found." : "The terms are being looked for.");
  }

  /** Return the terms, or null while they are being looked for the first time. */
  async #foundTerms() {
    if (this.job.state !== "completed" && this.job.transcript_version < 2) return null;
    return this.api.terms(this.job.id, { signal: this.signal }).catch((error) => {
      if (error.status === 404 || error.status === 409) return null;
      throw error;
    });
  }

  async #define() {
    if (!this.mayReadGlossary) return;
    const answer = await this.api.glossary({ signal: this.signal }).catch(() => null);
    if (answer) this.panel.define(new Map(answer.value.terms.map(({ id, definition }) => [id, definition])));
  }

  #take({ value, version }) {
    this.#transcript = value;
    this.#version = version;
    this.onRead(value);
  }

  #takeTerms(terms) {
    this.#terms = terms ?? this.#terms;
    if (this.#terms) this.panel.show(this.#terms);
    if (this.#transcript) this.#show();
  }

  #show() {
    const { text } = this;
    const { segments } = this.#transcript;
    this.#marks = this.#terms ? marksOf(this.#terms, segments) : new Map();
    text.show(this.#transcript, this.#marks);
    this.#timeline = new Timeline(text.words);
    this.search.renew();
    this.shading.renew();
    const silent = segments.length === 0;
    if (this.place.firstChild !== text.element || silent) fill(this.place, silent ? emptiness("wave", "Nobody speaks", "No speech was found in this recording.") : text.element);
  }

  async #subtitle() {
    const { api, job, signal, player } = this;
    const content = await api.file(job.id, "transcript.vtt", { signal }).catch(() => null);
    const code = this.#transcript.language;
    if (content && !signal.aborted) player.subtitles(content, code, language(code));
  }

  /** Keep a corrected line; returns what to tell where somebody else was faster. */
  async #save(segment, text) {
    const { api, job, signal } = this;
    const words = realign(segment.words, text, segment);
    let problem = "";
    try {
      await api.correct(job.id, [{ id: segment.id, words }], this.#version);
      announce("Saved");
      toast("Saved. The music terms are looked for anew.");
    } catch (error) {
      if (error.status !== 412) throw error;
      problem = CONFLICT;
    }
    this.#take(await api.transcript(job.id, { signal }));
    this.#show();
    if (!problem) {
      this.#subtitle();
      this.onCorrected();
    }
    return problem;
  }
}
