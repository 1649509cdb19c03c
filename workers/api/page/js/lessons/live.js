/** Keeps a list of jobs up to date: a stream for a few that are going on, and a look at the list now and then. */

import { jobPath } from "../api.js";
import { followJob, pause } from "../events.js";
import { ENDED } from "../stages.js";

// A browser opens six connections to a host over HTTP/1.1; uploads and media need theirs.
const STREAMS = 3;
const LOOK_MILLISECONDS = 5000;
// So many times less often when every job that goes on is followed: others may have submitted new ones.
const SELDOM = 6;

export class Live {
  #streams = new Map();
  #jobs = () => [];

  /** `onJob(job)` is called with each change, `onGone(id)` when a job is there no more, `look()` renews the list. */
  constructor(api, { onJob, onGone, look }, signal) {
    Object.assign(this, { api, onJob, onGone, look, signal });
    document.addEventListener("visibilitychange", () => this.watch(this.#jobs), { signal });
    this.#looking();
  }

  /** Follow what `jobs()` returns: call it again when that has changed. */
  watch(jobs) {
    this.#jobs = jobs;
    const going = document.hidden ? [] : jobs().filter(({ state }) => !ENDED.has(state)).slice(0, STREAMS);
    for (const [id, stream] of this.#streams) {
      if (going.some((job) => job.id === id)) continue;
      stream.abort();
      this.#streams.delete(id);
    }
    for (const { id } of going) if (!this.#streams.has(id)) this.#open(id);
  }

  async #open(id) {
    const own = new AbortController();
    this.#streams.set(id, own);
    try {
      await followJob(this.api, jobPath(id, "events"), (job) => {
        this.onJob(job);
        return ENDED.has(job.state);
      }, AbortSignal.any([own.signal, this.signal]));
    } catch {
      this.onGone(id);
    }
    if (own.signal.aborted || this.signal.aborted) return;
    this.#streams.delete(id);
    this.watch(this.#jobs);
  }

  async #looking() {
    for (let times = 1; !this.signal.aborted; times += 1) {
      await pause(LOOK_MILLISECONDS, this.signal);
      const unfollowed = this.#jobs().some(({ id, state }) => !ENDED.has(state) && !this.#streams.has(id));
      if (!this.signal.aborted && !document.hidden && (unfollowed || times % SELDOM === 0)) await this.look();
    }
  }
}
