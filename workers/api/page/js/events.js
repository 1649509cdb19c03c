/** Server-sent events over fetch: EventSource can't send the key. */

import { Problem } from "./api.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

/** Yield `{event, data}` from a stream of text. */
export async function* parse(stream) {
  let rest = "";
  let message = { event: "message", data: [] };
  for await (const piece of pieces(stream)) {
    const lines = (rest + piece).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (message.data.length) yield { event: message.event, data: message.data.join("\n") };
        message = { event: "message", data: [] };
      } else {
        take(line, message);
      }
    }
  }
}

async function* pieces(stream) {
  const reader = stream.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}

function take(line, message) {
  const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
  if (field === "event") message.event = value;
  if (field === "data") message.data.push(value);
}

/**
 * Call `onJob(job)` at each change until the signal aborts or `onJob` returns true; a lost connection is made anew,
 * later each time. Rejects only when the job is gone or may not be read.
 */
export async function followJob(api, path, onJob, signal) {
  let wait = FIRST_WAIT;
  while (!signal.aborted) {
    try {
      const response = await api.send("GET", path, { signal, headers: { Accept: "text/event-stream" } });
      for await (const message of parse(response.body.pipeThrough(new TextDecoderStream()))) {
        wait = FIRST_WAIT;
        if (message.event === "gone") throw new Problem(404, { detail: "the lesson was deleted" });
        if (message.event === "job" && onJob(JSON.parse(message.data))) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
    }
    await pause(wait, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

/** Wait; an abort ends it early. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
