/** All uploads of a session, one after the other; they go on while other views are shown. */

import { kept } from "../kept.js";
import { Upload } from "./upload.js";

const TYPES = ["mp4", "mov", "mkv", "webm", "mpeg", "mpg", "mp3", "wav", "m4a", "flac", "ogg", "oga"];

export const ACCEPTED = TYPES.map((type) => `.${type}`).join(",");

/** Emits "change" when an upload comes, goes or moves, and "done" (`detail`: the job) when one has become a job. */
export class Uploads extends EventTarget {
  list = [];
  #api;
  #tenant;
  /** Tickets of uploads that are not finished, so that they can go on after a reload. */
  #unfinished = kept("thoth.uploads", []);

  constructor({ api, me }) {
    super();
    this.#api = api;
    this.#tenant = me.tenant;
  }

  get busy() {
    return this.list.some(({ state }) => ["waiting", "sending", "offline", "paused"].includes(state));
  }

  /** Uploads of an earlier visit that can go on once their file is chosen again. */
  get earlier() {
    const going = new Set(this.list.map(({ ticket }) => ticket?.id));
    return this.#unfinished.value.filter(({ tenant, ticket }) => tenant === this.#tenant && !going.has(ticket.id));
  }

  /** Take a file; one that was begun earlier goes on. Returns why it is not taken, or null. */
  add(file, language) {
    const suffix = file.name.split(".").pop().toLowerCase();
    if (!TYPES.includes(suffix)) return `${file.name} is not a recording that Thoth reads. It takes ${TYPES.filter((type) => type !== "mpg" && type !== "oga").join(", ")}.`;
    if (file.size === 0) return `${file.name} is empty.`;
    const known = this.earlier.find(({ name, size, modified }) => name === file.name && size === file.size && modified === file.lastModified);
    const upload = new Upload(this.#api, file, language, known?.ticket);
    upload.addEventListener("change", () => this.#changed(upload));
    this.list.push(upload);
    this.#next();
    return null;
  }

  #changed(upload) {
    if (upload.ticket && upload.state === "sending") this.#remember(upload);
    if (upload.state === "done") {
      this.#drop(upload);
      this.dispatchEvent(new CustomEvent("done", { detail: upload.job }));
    }
    this.dispatchEvent(new Event("change"));
    if (!["sending", "offline"].includes(upload.state)) this.#next();
  }

  #next() {
    if (this.list.some(({ state }) => state === "sending" || state === "offline")) return;
    const upload = this.list.find(({ state }) => state === "waiting");
    if (upload) upload.run();
    this.dispatchEvent(new Event("change"));
  }

  /** Let a paused or failed upload take its turn again. */
  resume(upload) {
    upload.state = "waiting";
    this.#next();
  }

  async cancel(upload) {
    this.#drop(upload);
    await upload.cancel();
    this.#next();
  }

  /** Forget an upload of an earlier visit. */
  dismiss({ ticket }) {
    this.#unfinished.value = this.#unfinished.value.filter((each) => each.ticket.id !== ticket.id);
    this.dispatchEvent(new Event("change"));
  }

  #drop(upload) {
    this.list = this.list.filter((each) => each !== upload);
    if (upload.ticket) this.dismiss(upload);
  }

  #remember({ file, ticket }) {
    const rest = this.#unfinished.value.filter((each) => each.ticket.id !== ticket.id);
    const { id, part_size } = ticket;
    const entry = { tenant: this.#tenant, name: file.name, size: file.size, modified: file.lastModified, ticket: { id, part_size } };
    if (rest.length === this.#unfinished.value.length) this.#unfinished.value = [...rest, entry];
  }

  /** Stop all; they can go on after the next sign-in. */
  stop() {
    for (const upload of this.list) upload.pause();
    this.list = [];
  }

  /** Stop all, and keep nothing of them in this browser. */
  forget() {
    this.stop();
    this.#unfinished.value = null;
  }
}
