/** Start: the key, the frame around the views, and which view the address names. */

import { Api } from "./api.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { kept } from "./kept.js";
import { announce, confirmed, failure, menu, skeleton } from "./notices.js";
import { applyTheme, themeButton } from "./theme.js";
import { Uploads } from "./lessons/uploads.js";
import { glossaryView } from "./glossary/view.js";
import { lessonView } from "./lesson/view.js";
import { lessonsView } from "./lessons/view.js";
import { signIn } from "./signin.js";

const VIEWS = [
  [/^#\/lessons\/([^/]+)$/, lessonView, "lessons"],
  [/^#\/glossary$/, glossaryView, "glossary"],
  [/^/, lessonsView, "lessons"],
];
const key = kept("thoth.key", null, () => sessionStorage);
const top = document.getElementById("top");
const main = document.getElementById("main");

let session = null;
let shown = { address: null, leaving: null, unsaved: () => false };

/** Show the sign-in form, with the reason if there is one. */
function ask(reason = "") {
  leave();
  session?.uploads.stop();
  session = null;
  fill(top);
  document.title = "Sign in – Thoth";
  signIn(main, reason, open);
}

/** Begin with a key: the API says whose it is. */
async function open(value) {
  const api = new Api(value, () => {
    if (session === null) return;
    key.value = null;
    ask("Your key is no longer accepted: it may have expired. Sign in again.");
  });
  const me = await api.me();
  key.value = value;
  session = { api, me, can: (scope) => me.scopes.includes(scope) || me.scopes.includes("admin") };
  session.uploads = new Uploads(session);
  frame(me);
  await go();
}

function signOut() {
  key.value = null;
  session.uploads.forget();
  ask();
  announce("Signed out");
}

function frame(me) {
  const tab = (href, name, text) => h("a", { href, "data-tab": name }, text);
  fill(top,
    h("div", { class: "top-inside" },
      h("a", { class: "brand", href: "#/lessons", "aria-label": "Thoth, all lessons" }, h("img", { src: "/page/mark.svg", alt: "", width: 28, height: 28 }), h("span", null, "Thoth")),
      h("nav", { class: "tabs", "aria-label": "Main" }, tab("#/lessons", "lessons", "Lessons"), tab("#/glossary", "glossary", "Glossary")),
      themeButton(),
      menu("Account", [icon("person"), h("span", { class: "tenant" }, me.tenant)],
        h("p", { class: "menu-note" }, "Signed in as", h("strong", null, me.tenant)),
        h("a", { href: "/docs" }, "API description"),
        h("button", { type: "button", onclick: signOut }, "Sign out"))));
}

function leave() {
  shown.leaving?.abort();
  shown = { address: null, leaving: null, unsaved: () => false };
}

/** Show the view that the address names; ask first where something would be lost. */
async function go() {
  if (session === null || location.hash === shown.address) return;
  if (shown.unsaved() && !(await mayLose(location.hash))) return;
  leave();
  const address = location.hash;
  const [pattern, view, tab] = VIEWS.find(([each]) => each.test(address));
  const leaving = new AbortController();
  shown = { address, leaving, unsaved: () => false };
  for (const link of top.querySelectorAll("[data-tab]")) {
    if (link.dataset.tab === tab) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const page = h("div", { class: "page" });
  fill(main, page);
  scrollTo(0, 0);
  const title = (text) => {
    if (!leaving.signal.aborted) document.title = `${text} – Thoth`;
  };
  const guard = (unsaved) => {
    if (shown.leaving === leaving) shown.unsaved = unsaved;
  };
  view({ ...session, page, signal: leaving.signal, title, guard }, ...pattern.exec(address).slice(1).map(decoded));
  main.focus({ preventScroll: true });
}

/** Return a part of the address as it was before it was encoded; one that can't be decoded finds nothing. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function mayLose(wanted) {
  history.replaceState(null, "", shown.address || "#/lessons");
  const yes = await confirmed({ title: "Leave without saving?", text: "Your changes on this page are not saved yet.", yes: "Leave" });
  if (yes) history.replaceState(null, "", wanted);
  return yes;
}

async function start() {
  applyTheme();
  addEventListener("hashchange", go);
  addEventListener("beforeunload", (event) => {
    if (shown.unsaved() || session?.uploads.busy) event.preventDefault();
  });
  if (key.value === null) return ask();
  fill(main, h("div", { class: "page" }, skeleton(4)));
  try {
    await open(key.value);
  } catch (error) {
    if (error.status !== 401) return fill(main, h("div", { class: "page" }, failure(error, start, "Thoth can't be opened")));
    key.value = null;
    ask("Your key is no longer accepted: it may have expired. Sign in again.");
  }
}

start();
