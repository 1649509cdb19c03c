/** One file on its way: in parts, with progress, which can pause, survive a lost connection, and go on after a reload. */

import { Problem } from "../api.js";
import { pause } from "../events.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

/** States: waiting (its turn comes), sending, paused, offline (tries again by itself), failed, done. */
export class Upload extends EventTarget {
  state = "waiting";
  error = null;
  job = null;
  /** What the API said of it: `{id, part_size}`; null before it has asked. */
  ticket;
  #api;
  #arrived = new Set();
  #partial = 0;
  #stop = new AbortController();

  /** `ticket` is that of an earlier try at the same file. */
  constructor(api, file, language, ticket = null) {
    super();
    this.#api = api;
    this.file = file;
    this.language = language;
    this.ticket = ticket;
  }

  /** Bytes that the server has. */
  get sent() {
    const { part_size: size } = this.ticket ?? { part_size: 0 };
    const whole = [...this.#arrived].reduce((sum, number) => sum + this.#part(number, size).size, 0);
    return Math.min(whole + this.#partial, this.file.size);
  }

  #part(number, size) {
    return this.file.slice((number - 1) * size, number * size);
  }

  #become(state, error = null) {
    this.state = state;
    this.error = error;
    this.dispatchEvent(new Event("change"));
  }

  pause() {
    this.#stop.abort();
    this.#become("paused");
  }

  /** Send what is missing; ends when all has arrived, or when it was paused, or failed for good. */
  async run() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    let wait = FIRST_WAIT;
    while (!signal.aborted) {
      try {
        this.#become("sending");
        await this.#prepare(signal);
        await this.#sendParts(signal, () => (wait = FIRST_WAIT)).catch(unlessComplete);
        this.job = await this.#complete(signal);
        return this.#become("done");
      } catch (error) {
        if (signal.aborted) return;
        if (!passing(error)) return this.#become("failed", error);
        this.#become("offline", error);
      } finally {
        this.#partial = 0;
      }
      await pause(wait, signal);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  /** Ask for an upload, or what has arrived of the earlier one. */
  async #prepare(signal) {
    if (this.ticket) {
      try {
        return this.#take(await answer(this.#api.send("GET", this.#path(), { signal })));
      } catch (error) {
        if (error.status !== 404) throw error;
      }
    }
    const { name, size } = this.file;
    const json = { name, size, ...(this.language ? { language: this.language } : {}) };
    this.#take(await answer(this.#api.send("POST", "/api/uploads", { json, signal })));
  }

  #take(ticket) {
    this.ticket = ticket;
    this.#arrived = new Set(ticket.received ?? []);
    this.#become("sending");
  }

  #path(rest = "") {
    return `/api/uploads/${encodeURIComponent(this.ticket.id)}${rest}`;
  }

  async #sendParts(signal, onArrival) {
    const size = this.ticket.part_size;
    const count = Math.ceil(this.file.size / size);
    for (let number = 1; number <= count; number += 1) {
      if (this.#arrived.has(number)) continue;
      await this.#send(number, this.#part(number, size), signal);
      this.#arrived.add(number);
      this.#partial = 0;
      onArrival();
      this.dispatchEvent(new Event("change"));
    }
  }

  #send(number, content, signal) {
    const progress = (bytes) => {
      this.#partial = bytes;
      this.dispatchEvent(new Event("change"));
    };
    return put(this.#path(`/parts/${number}`), this.#api.authorization, content, progress, signal);
  }

  #complete(signal) {
    return answer(this.#api.send("POST", this.#path("/complete"), { signal }));
  }

  /** Stop, and have the server forget what has arrived. */
  async cancel() {
    this.#stop.abort();
    if (this.ticket) await this.#api.send("DELETE", this.#path()).catch(() => {});
  }
}

/** PUT a part by XMLHttpRequest, which unlike fetch tells how much has left. */
function put(url, headers, content, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const fail = (status, body) => reject(new Problem(status, body));
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => (request.status < 300 ? resolve(request) : fail(request.status, parsed(request.responseText)));
    request.onerror = () => fail(0, { detail: "the connection was lost" });
    request.onabort = () => fail(0, {});
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(content);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

async function answer(sending) {
  return (await sending).json();
}

/** An upload whose last answer was lost takes no parts; completing it again gives its job. */
function unlessComplete(error) {
  if (error.code !== "completed") throw error;
}

/** Whether trying again later may help. */
function passing(error) {
  return error instanceof Problem && (error.status === 0 || error.status === 408 || error.status === 429 || error.status >= 500);
}
