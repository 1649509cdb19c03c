/** One lesson in the list. */

import { fill, h } from "../dom.js";
import { clock, language, sentence, when } from "../format.js";
import { announce, confirmed, menu, toast } from "../notices.js";
import { doing, ENDED, stageName, steps } from "../stages.js";

/** Return `{element, show(job)}`; the element stays the same, so that the focus does too. */
export function lessonRow(context, onChange, onGone) {
  const link = h("a", { class: "row-name" });
  const facts = h("p", { class: "row-facts" });
  const status = h("div", { class: "row-status" });
  const actions = h("div", { class: "row-actions" });
  const element = h("li", { class: "row" }, h("div", { class: "row-text" }, link, facts), status, actions);
  let before = null;

  function show(job) {
    link.href = `#/lessons/${encodeURIComponent(job.id)}`;
    link.textContent = job.name;
    facts.textContent = factsOf(job).join(" · ");
    fill(status, progress(job));
    if (before?.state !== job.state) {
      fill(actions, actionsOf(context, job, onChange, onGone));
      if (before && ENDED.has(job.state)) announce(`${job.name}: ${doing(job)}`);
    }
    before = job;
  }
  return { element, show };
}

/** Return what is known of a lesson besides its name. */
export function factsOf(job) {
  return [
    job.duration ? clock(job.duration) : null,
    job.language ? language(job.language) : null,
    when(job.created_at),
  ].filter(Boolean);
}

/** Return how far a job is: the stages, with a bar while it goes on. */
export function progress(job) {
  const state = h("p", { class: `state ${job.state}` }, doing(job), job.state === "running" && job.percent !== null ? ` ${Math.floor(job.percent)} %` : "");
  if (job.state === "completed") return state;
  if (job.state === "failed") return [state, h("p", { class: "row-why" }, sentence(job.error?.message ?? ""))];
  if (ENDED.has(job.state)) return state;
  const bars = steps(job).map(({ stage, is }) => {
    const value = is === "done" ? 100 : is === "now" ? (job.percent ?? 0) : 0;
    const name = stageName(stage);
    return h("div", { class: `step ${is}` }, h("progress", { max: 100, value, "aria-label": name }), h("span", { "aria-hidden": "true" }, name));
  });
  return [state, h("div", { class: "steps" }, bars)];
}

/** Return the menu of what can be done with a job; `onChange(job)` and `onGone(id)` are told what was done. */
export function actionsOf({ api, can }, job, onChange, onGone) {
  if (!can("jobs:write")) return null;
  const act = (action, done) => async () => {
    try {
      await action();
      toast(done);
    } catch (error) {
      toast(`${error.message} ${error.hint}`);
    }
  };
  const remove = act(async () => {
    await api.remove(job.id);
    onGone(job.id);
  }, `${job.name} is deleted`);
  return menu(`Actions for ${job.name}`, null,
    ["failed", "cancelled"].includes(job.state) && h("button", { type: "button", onclick: act(async () => onChange(await api.retry(job.id)), "It starts again") }, "Try again"),
    !ENDED.has(job.state) && h("button", { type: "button", onclick: act(async () => onChange(await api.cancel(job.id)), "It is cancelled") }, "Cancel"),
    h("button", { type: "button", class: "danger-text", onclick: async () => {
      const yes = await confirmed({
        title: "Delete this lesson?",
        text: `“${job.name}” goes with its recording, its transcript and every correction, everywhere. This can't be undone.`,
        yes: "Delete for good",
      });
      if (yes) await remove();
    } }, "Delete…"));
}
