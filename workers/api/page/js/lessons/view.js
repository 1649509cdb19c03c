/** The list of lessons, with uploads above it. */

import { fill, h } from "../dom.js";
import { emptiness, failure, loading } from "../notices.js";
import { dropzone } from "./dropzone.js";
import { Live } from "./live.js";
import { lessonRow } from "./row.js";

const FILTERS = [["", "All"], ["queued", "Waiting"], ["running", "In progress"], ["completed", "Ready"], ["failed", "Failed"]];

export function lessonsView(context) {
  const { api, page, uploads, can, signal, title } = context;
  const place = h("div", { class: "lessons" });
  const rows = new Map();
  let jobs = [];
  let status = "";
  let cursor = null;
  title("Lessons");

  const filters = h("div", { class: "segments", role: "group", "aria-label": "Show" }, FILTERS.map(([value, name]) =>
    h("button", { type: "button", "aria-pressed": String(value === status), onclick: (event) => {
      status = value;
      for (const button of filters.children) button.setAttribute("aria-pressed", String(button === event.target));
      load();
    } }, name)));
  const live = new Live(api, { onJob: change, onGone: gone, look }, signal);

  const load = () => loading(place, 4, () => api.jobs({ status, signal }), (found) => {
    jobs = found.jobs;
    cursor = found.next_cursor;
    show();
  }, signal);

  /** Renew the newest jobs; those that were loaded further down stay. */
  async function look() {
    const found = await api.jobs({ status, signal }).catch(() => null);
    if (found === null || signal.aborted) return;
    const ids = new Set(found.jobs.map(({ id }) => id));
    jobs = [...found.jobs, ...jobs.filter(({ id }) => !ids.has(id))];
    show();
  }

  async function more(button) {
    button.disabled = true;
    try {
      const found = await api.jobs({ status, cursor, signal });
      jobs = [...jobs, ...found.jobs];
      cursor = found.next_cursor;
      show();
    } catch (error) {
      if (!signal.aborted) button.after(failure(error));
    }
    button.disabled = false;
  }

  function change(job) {
    jobs = jobs.map((each) => (each.id === job.id ? job : each));
    rows.get(job.id)?.show(job);
    live.watch(() => jobs);
  }

  function gone(id) {
    jobs = jobs.filter((job) => job.id !== id);
    show();
  }

  function show() {
    live.watch(() => jobs);
    for (const job of jobs) {
      if (!rows.has(job.id)) rows.set(job.id, lessonRow(context, change, gone));
      rows.get(job.id).show(job);
    }
    if (jobs.length === 0) return fill(place, nothing(status, can("jobs:write")));
    const list = h("ul", { class: "rows", "aria-label": "Lessons" }, jobs.map(({ id }) => rows.get(id).element));
    fill(place, list, cursor && h("button", { type: "button", class: "wide", onclick: (event) => more(event.target) }, "Show older lessons"));
  }

  fill(page,
    h("div", { class: "page-head wrap" }, h("h1", null, "Lessons"), filters),
    can("jobs:write") ? dropzone(uploads, signal) : null,
    place);
  uploads.addEventListener("done", ({ detail }) => {
    jobs = [detail, ...jobs.filter(({ id }) => id !== detail.id)];
    show();
  }, { signal });
  load();
}

function nothing(status, mayUpload) {
  if (status) return emptiness("search", "Nothing here", "No lesson is in this state just now.");
  const text = mayUpload ? "Drop a recording above. Its transcript appears here, with every music term marked." : "Lessons appear here once somebody has uploaded them.";
  return emptiness("wave", "No lessons yet", text);
}
