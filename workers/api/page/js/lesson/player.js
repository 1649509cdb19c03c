/** The recording: a video element that also plays sound alone, with speed, small steps and subtitles. */

import { h } from "../dom.js";
import { kept } from "../kept.js";

const SPEEDS = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 2];
const STEP = 5;
// An address that expires is renewed; a recording that fails more often than this in a minute can't be played.
const RENEWALS = 2;
const MINUTE = 60_000;

/** Emits "time" (`detail`: seconds) with each frame while it plays, and with each seek. */
export class Player extends EventTarget {
  #renew;
  #renewals = [];
  #track = null;
  #captions = kept("thoth.captions", false);
  #until = Infinity;

  /** `renew()` returns an address of the recording, which may hold for minutes only. */
  constructor(renew, name, signal) {
    super();
    this.#renew = renew;
    this.video = h("video", { controls: true, playsinline: true, preload: "metadata", "aria-label": `Recording of ${name}` });
    this.problem = h("p", { class: "player-problem", role: "status", hidden: true });
    const speed = h("select", { "aria-label": "Speed", onchange: () => (this.video.playbackRate = Number(speed.value)) },
      SPEEDS.map((each) => h("option", { value: each, selected: each === 1 }, `${each}×`)));
    const step = (seconds, text, label) => h("button", { type: "button", class: "small", "aria-label": label, onclick: () => this.seek(this.video.currentTime + seconds) }, text);
    this.toggleCaptions = h("button", { type: "button", class: "small captions", "aria-pressed": String(this.#captions.value), onclick: () => {
      this.#captions.value = !this.#captions.value;
      this.#showCaptions();
    } }, "Subtitles");
    this.element = h("div", { class: "player" },
      h("div", { class: "stage" }, this.video), this.problem,
      h("div", { class: "player-bar" }, step(-STEP, `− ${STEP} s`, `Back ${STEP} seconds`), step(STEP, `+ ${STEP} s`, `Forward ${STEP} seconds`), speed, this.toggleCaptions));
    this.#listen(signal);
  }

  #listen(signal) {
    const { video } = this;
    video.addEventListener("play", () => this.#frame());
    video.addEventListener("seeking", () => this.#tell());
    video.addEventListener("timeupdate", () => this.#tell());
    video.addEventListener("loadedmetadata", () => {
      this.element.classList.toggle("sound", video.videoWidth === 0);
      this.problem.hidden = true;
    });
    video.addEventListener("error", () => this.#failed());
    signal.addEventListener("abort", () => {
      video.pause();
      video.removeAttribute("src");
      video.load();
      if (this.#track) URL.revokeObjectURL(this.#track.src);
    });
  }

  #tell() {
    this.dispatchEvent(new CustomEvent("time", { detail: this.video.currentTime }));
  }

  #frame() {
    this.#tell();
    if (this.video.currentTime >= this.#until) this.video.pause();
    if (this.video.paused) this.#until = Infinity;
    else requestAnimationFrame(() => this.#frame());
  }

  /** Load the recording, at a time if it was playing before. */
  async load(at = 0, playing = false) {
    const { video } = this;
    const rate = video.playbackRate;
    try {
      video.src = await this.#renew();
    } catch (error) {
      return this.#say(`${error.message} ${error.hint ?? ""}`);
    }
    video.playbackRate = rate;
    if (at) video.currentTime = at;
    if (playing) this.play();
  }

  /** The address may have expired; with a new one it goes on where it was. */
  #failed() {
    if (!this.video.hasAttribute("src")) return;
    const now = performance.now();
    this.#renewals = this.#renewals.filter((at) => now - at < MINUTE);
    if (this.#renewals.length >= RENEWALS) return this.#say("This browser can't play the recording. The transcript can be read and corrected all the same.");
    this.#renewals.push(now);
    this.load(this.video.currentTime, !this.video.paused);
  }

  #say(text) {
    this.problem.textContent = text;
    this.problem.hidden = false;
  }

  seek(seconds) {
    this.#until = Infinity;
    this.video.currentTime = Math.max(0, seconds);
    this.#tell();
  }

  play() {
    this.video.play().catch(() => {});
  }

  toggle() {
    if (this.video.paused) this.play();
    else this.video.pause();
  }

  /** Play a stretch, then pause. */
  playBetween(start, end) {
    this.seek(start);
    this.#until = end;
    this.play();
  }

  /** Offer subtitles; `content` is a WebVTT file as a Blob. */
  subtitles(content, code, name) {
    if (this.#track) {
      URL.revokeObjectURL(this.#track.src);
      this.#track.remove();
    }
    this.#track = h("track", { kind: "captions", srclang: code, label: name, src: URL.createObjectURL(content) });
    this.video.append(this.#track);
    this.#showCaptions();
  }

  #showCaptions() {
    this.toggleCaptions.setAttribute("aria-pressed", String(this.#captions.value));
    if (this.#track) this.#track.track.mode = this.#captions.value ? "showing" : "disabled";
  }
}
