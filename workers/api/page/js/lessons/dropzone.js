/** Where files are dropped or chosen, and the rows of those on their way. */

import { fill, framed, h } from "../dom.js";
import { language, percent, remaining, size } from "../format.js";
import { icon } from "../icons.js";
import { announce } from "../notices.js";
import { ACCEPTED } from "./uploads.js";

// The most widely taught in come first; Whisper knows about a hundred.
const LANGUAGES = "en es fr de it pt nl pl sv da no fi cs hu ro el uk ru tr ar he hi id vi th ko ja zh".split(" ");

const STATES = {
  waiting: "Waiting for its turn",
  sending: "Uploading",
  paused: "Paused",
  offline: "Connection lost, trying again",
  failed: "Failed",
};

/** Return the zone; `uploads` takes the files. */
export function dropzone(uploads, signal) {
  const refused = h("ul", { class: "refused", role: "alert" });
  const select = h("select", { id: "language" },
    h("option", { value: "" }, "Automatic"),
    LANGUAGES.map((code) => h("option", { value: code }, language(code))));
  const input = h("input", { id: "files", class: "unseen", type: "file", multiple: true, accept: ACCEPTED, onchange: () => {
    take(input.files);
    input.value = "";
  } });
  const rows = h("ul", { class: "uploads", "aria-label": "Uploads" });
  const zone = h("section", { class: "drop", "aria-label": "Upload" },
    icon("upload"),
    h("div", { class: "drop-text" },
      h("p", { class: "drop-title" }, "Add recordings"),
      h("p", { class: "help" }, "Drop video or sound here, or choose files of up to 10 GB. An upload that breaks off goes on where it was.")),
    h("div", { class: "drop-language" }, h("label", { for: "language" }, "Spoken language"), select),
    input, h("label", { for: "files", class: "button primary" }, "Choose files"));

  function take(files) {
    const reasons = [...files].map((file) => uploads.add(file, select.value)).filter(Boolean);
    fill(refused, reasons.map((reason) => h("li", null, reason)));
  }

  listen(zone, take, signal);
  const show = rowsOf(uploads, rows);
  uploads.addEventListener("change", framed(show), { signal });
  uploads.addEventListener("done", ({ detail }) => announce(`${detail.name} is uploaded`), { signal });
  show();
  return h("div", { class: "dropzone" }, zone, refused, rows);
}

/** Files may be dropped anywhere on the page, so that a near miss does not make the browser open them. */
function listen(zone, take, signal) {
  const files = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    zone.classList.add("over");
  }, { signal });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  }, { signal });
  document.addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    take(event.dataTransfer.files);
  }, { signal });
}

/** Return a function that brings the rows up to date; rows stay, so that the focus does too. */
function rowsOf(uploads, list) {
  const rows = new Map();
  return () => {
    for (const upload of uploads.list) {
      if (!rows.has(upload)) rows.set(upload, uploadRow(uploads, upload));
      rows.get(upload).show();
    }
    for (const upload of rows.keys()) if (!uploads.list.includes(upload)) rows.delete(upload);
    const wanted = [...uploads.earlier.map((each) => earlierRow(uploads, each)), ...[...rows.values()].map(({ element }) => element)];
    const same = wanted.length === list.children.length && wanted.every((each, place) => each === list.children[place]);
    if (!same) list.replaceChildren(...wanted);
    list.hidden = wanted.length === 0;
  };
}

function uploadRow(uploads, upload) {
  const { name } = upload.file;
  const bar = h("progress", { max: 1, "aria-label": `Upload of ${name}` });
  const note = h("p", { class: "help" });
  const toggle = h("button", { type: "button", class: "small", onclick: () => {
    if (upload.state === "sending" || upload.state === "offline") upload.pause();
    else uploads.resume(upload);
  } });
  const cancel = h("button", { type: "button", class: "small", "aria-label": `Cancel the upload of ${name}`, onclick: () => uploads.cancel(upload) }, "Cancel");
  const begun = { at: 0, from: 0 };
  const element = h("li", { class: "upload" },
    h("p", { class: "upload-name" }, name), h("div", { class: "upload-buttons" }, toggle, cancel), bar, note);

  function show() {
    const going = upload.state === "sending";
    if (!going) begun.at = 0;
    else if (begun.at === 0) Object.assign(begun, { at: performance.now(), from: upload.sent });
    bar.value = upload.sent / upload.file.size;
    note.textContent = told(upload, begun);
    note.classList.toggle("field-problem", upload.state === "failed");
    const action = { paused: "Resume", failed: "Try again", waiting: "" }[upload.state] ?? "Pause";
    toggle.textContent = action;
    toggle.hidden = action === "";
    toggle.setAttribute("aria-label", `${action} the upload of ${name}`);
  }
  return { element, show };
}

function told(upload, begun) {
  if (upload.state === "failed") return `${upload.error.message} ${upload.error.hint}`;
  const whole = upload.file.size;
  const parts = [STATES[upload.state], `${percent(upload.sent / whole)} of ${size(whole)}`];
  const seconds = (performance.now() - begun.at) / 1000;
  const moved = upload.sent - begun.from;
  // The first moments tell nothing of the speed.
  if (upload.state === "sending" && seconds > 3 && moved > 0) parts.push(`${remaining(((whole - upload.sent) / moved) * seconds)} left`);
  return parts.join(" · ");
}

function earlierRow(uploads, entry) {
  return h("li", { class: "upload" },
    h("p", { class: "upload-name" }, entry.name),
    h("div", { class: "upload-buttons" },
      h("label", { for: "files", class: "button small" }, "Choose it again"),
      h("button", { type: "button", class: "small", "aria-label": `Forget the upload of ${entry.name}`, onclick: () => uploads.dismiss(entry) }, "Forget")),
    h("p", { class: "help" }, `Not finished (${size(entry.size)}). Choose the same file again, and the upload goes on where it was.`));
}
