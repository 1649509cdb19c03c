/** The API's client: one method a call, errors as `Problem` with what is wrong and how to mend it. */

import { sentence } from "./format.js";

/** An answer that is an error (RFC 9457), or no answer at all (status 0). */
export class Problem extends Error {
  constructor(status, body = {}) {
    super(sentence(body.detail || body.title || `the server answered ${status}`));
    this.status = status;
    this.code = body.code ?? "";
    this.hint = sentence(body.hint ?? "");
    /** What is wrong with single fields. */
    this.problems = body.problems ?? [];
  }
}

const UNREACHABLE = { detail: "the server can't be reached", hint: "check the connection and try again" };

/** Return a response's problem. */
async function problemOf(response) {
  return new Problem(response.status, await response.json().catch(() => ({})));
}

export class Api {
  #key;
  #onRefused;

  /** `onRefused` is called when the key is no longer accepted. */
  constructor(key, onRefused = () => {}) {
    this.#key = key;
    this.#onRefused = onRefused;
  }

  get authorization() {
    return { Authorization: `Bearer ${this.#key}` };
  }

  /** Return a response that succeeded. Throws Problem; an aborted call throws its AbortError. */
  async send(method, path, { json, body, headers = {}, signal } = {}) {
    const content = json === undefined ? {} : { "Content-Type": "application/json" };
    let response;
    try {
      response = await fetch(path, {
        method,
        signal,
        headers: { ...this.authorization, ...content, ...headers },
        body: json === undefined ? body : JSON.stringify(json),
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, UNREACHABLE);
    }
    if (response.ok) return response;
    if (response.status === 401) this.#onRefused();
    throw await problemOf(response);
  }

  async #json(method, path, options) {
    const response = await this.send(method, path, options);
    return { value: await response.json(), version: response.headers.get("ETag") };
  }

  async me(options) {
    return (await this.#json("GET", "/api/me", options)).value;
  }

  async jobs({ status, cursor, limit = 50, signal } = {}) {
    const query = new URLSearchParams({ limit });
    if (status) query.set("status", status);
    if (cursor) query.set("cursor", cursor);
    return (await this.#json("GET", `/api/jobs?${query}`, { signal })).value;
  }

  async job(id, options) {
    return (await this.#json("GET", jobPath(id), options)).value;
  }

  /** Return the job, which begins again. */
  async retry(id) {
    return (await this.#json("POST", jobPath(id, "retry"))).value;
  }

  /** Return the job, which has ended. */
  async cancel(id) {
    return (await this.#json("POST", jobPath(id, "cancel"))).value;
  }

  async remove(id) {
    return this.send("DELETE", jobPath(id));
  }

  /** Return `{value, version}`. */
  async transcript(id, options) {
    return this.#json("GET", jobPath(id, "transcript.json"), options);
  }

  /** Replace the words of segments; `version` is what they were edited from. */
  async correct(id, segments, version) {
    return this.send("PUT", jobPath(id, "transcript"), { json: { segments }, headers: ifMatch(version) });
  }

  async terms(id, options) {
    return (await this.#json("GET", jobPath(id, "terms"), options)).value;
  }

  /** Return a file of the job as a Blob. */
  async file(id, name, options) {
    return (await this.send("GET", jobPath(id, name), options)).blob();
  }

  /** Return an address of the recording, which a media element can open for some minutes. */
  async media(id) {
    return (await this.#json("POST", jobPath(id, "media-token"))).value.url;
  }

  async glossary(options) {
    return this.#json("GET", "/api/glossary", options);
  }

  async saveGlossary(glossary, version) {
    return this.#json("PUT", "/api/glossary", { json: glossary, headers: ifMatch(version) });
  }
}

function ifMatch(version) {
  return version ? { "If-Match": version } : {};
}

/** Return a job's path; an id can't leave its place in it. */
export function jobPath(id, rest = "") {
  return `/api/jobs/${encodeURIComponent(id)}${rest && `/${rest}`}`;
}
