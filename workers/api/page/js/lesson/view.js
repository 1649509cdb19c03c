/** One lesson: how far it is, then its recording, its transcript and its terms. */

import { jobPath } from "../api.js";
import { fill, h } from "../dom.js";
import { followJob } from "../events.js";
import { percent, sentence } from "../format.js";
import { icon } from "../icons.js";
import { announce, emptiness, failure, skeleton } from "../notices.js";
import { doing, ENDED, readable } from "../stages.js";
import { actionsOf, factsOf, progress } from "../lessons/row.js";
import { downloads } from "./download.js";
import { Reading } from "./reading.js";

export async function lessonView(context, id) {
  const { api, page, signal, title } = context;
  const heading = h("h1");
  const facts = h("p", { class: "row-facts" });
  const actions = h("div", { class: "head-actions" });
  const banner = h("div", { class: "banner" });
  const body = h("div", { class: "lesson-place" }, skeleton(6));
  let job = null;
  let reading = null;
  let stream = null;
  let said = null;

  fill(page,
    h("a", { class: "back", href: "#/lessons" }, icon("back"), "Lessons"),
    h("div", { class: "page-head" }, h("div", { class: "head-text" }, heading, facts), actions), banner, body);

  function show(next) {
    const before = job;
    job = next;
    title(job.name);
    heading.textContent = job.name;
    showFacts();
    if (before?.state !== job.state || before.transcript_version !== job.transcript_version) {
      fill(actions, readable(job) && downloads(api, job), actionsOf(context, job, show, () => (location.hash = "#/lessons")));
      if (before && ENDED.has(job.state)) announce(`${job.name}: ${doing(job)}`);
    }
    showBanner();
    if (readable(job)) read();
    else if (!reading) fill(body, ENDED.has(job.state) ? unread(job) : waiting());
    if (!ENDED.has(job.state)) watch();
  }

  function showFacts() {
    const heard = said && [`${percent(said.confidence)} sure of the words`];
    facts.textContent = [...factsOf({ ...job, language: said?.language ?? job.language }), ...(heard ?? [])].join(" · ");
  }

  /** Tell how far it is; once there is something to read, briefly. */
  function showBanner() {
    if (job.state === "failed") {
      return fill(banner, failure({ message: sentence(job.error?.message ?? ""), hint: sentence(job.error?.hint ?? "") }, context.can("jobs:write") ? again : null, "This lesson could not be finished"));
    }
    const going = !ENDED.has(job.state);
    fill(banner, going && h("div", { class: readable(job) ? "progress-line" : "card progress-card" }, progress(job)));
  }

  async function again() {
    try {
      show(await api.retry(id));
    } catch (error) {
      if (!signal.aborted) fill(banner, failure(error, again));
    }
  }

  function read() {
    if (!reading) {
      reading = new Reading(context, job, {
        onRead: (transcript) => {
          said = transcript;
          showFacts();
        },
        onCorrected: refresh,
      });
      fill(body, reading.element);
      reading.load();
    } else {
      reading.change(job);
    }
  }

  /** After a correction the terms are found anew: the job goes on for a while. */
  async function refresh() {
    const next = await api.job(id, { signal }).catch(() => null);
    if (next && !signal.aborted) show(next);
  }

  async function watch() {
    if (stream) return;
    stream = followJob(api, jobPath(id, "events"), (next) => {
      const ended = ENDED.has(next.state);
      if (ended) stream = null;
      show(next);
      return ended;
    }, signal);
    await stream.catch((error) => {
      stream = null;
      if (!signal.aborted) fill(banner, failure(error, null, "This lesson is no longer there"));
    });
  }

  try {
    const found = await api.job(id, { signal });
    if (!signal.aborted) show(found);
  } catch (error) {
    if (signal.aborted) return;
    title("Lesson");
    heading.textContent = error.status === 404 ? "No such lesson" : "This lesson can't be shown";
    fill(body, error.status === 404
      ? emptiness("book", "It may have been deleted", "Its recording and transcript are gone with it.", h("a", { class: "button", href: "#/lessons" }, "All lessons"))
      : failure(error, () => location.reload(), "It could not be loaded"));
  }
}

function waiting() {
  return emptiness("wave", "The transcript appears here", "You can leave this page: the work goes on.");
}

function unread({ state }) {
  return state === "cancelled" ? emptiness("wave", "This lesson was cancelled", "Choose “Try again” from its actions to transcribe it after all.") : null;
}
