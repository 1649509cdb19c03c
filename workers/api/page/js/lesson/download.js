/** Downloads: files come by fetch, which carries the key, and are handed to the browser as blobs. */

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { menu, toast } from "../notices.js";

const FILES = [
  ["transcript.txt", "txt", "Text", ".txt"],
  ["transcript.srt", "srt", "Subtitles", ".srt"],
  ["transcript.vtt", "vtt", "Subtitles for the web", ".vtt"],
  ["transcript.json", "json", "Words with times", ".json"],
  ["terms", "terms.json", "Music terms", ".json"],
];

/** Return the menu of a lesson's files. */
export function downloads(api, job) {
  const base = job.name.replace(/\.[^.]{1,5}$/, "") || "lesson";
  const item = ([path, suffix, label, note]) => h("button", { type: "button", onclick: async () => {
    try {
      hand(await api.file(job.id, path), `${base}.${suffix}`);
    } catch (error) {
      toast(`${error.message} ${error.hint}`);
    }
  } }, h("span", null, label), h("span", { class: "menu-hint" }, note));
  const source = h("button", { type: "button", onclick: async () => {
    try {
      click(await api.media(job.id), job.name);
    } catch (error) {
      toast(`${error.message} ${error.hint}`);
    }
  } }, h("span", null, "Recording"));
  return menu("Download", [icon("download"), h("span", null, "Download")], FILES.map(item), source);
}

function hand(content, name) {
  const address = URL.createObjectURL(content);
  click(address, name);
  // The browser reads the blob after the click has returned.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function click(href, download) {
  h("a", { href, download }).click();
}
