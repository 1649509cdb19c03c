/** Sign-in with an API key, which stays in this tab. */

import { fill, h } from "./dom.js";

/** Show the form in `main`; `open(key)` begins, and rejects where the key is refused. */
export function signIn(main, reason, open) {
  const problem = h("p", { id: "key-problem", class: "field-problem", role: "alert" }, reason);
  const input = h("input", {
    id: "key", name: "key", type: "password", required: true, autocomplete: "current-password", spellcheck: "false",
    autocapitalize: "none", placeholder: "thoth_…", "aria-describedby": "key-help key-problem",
  });
  const reveal = h("button", { type: "button", class: "quiet small", "aria-pressed": "false", "aria-label": "Show the key", onclick: () => {
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    reveal.textContent = hidden ? "Hide" : "Show";
    reveal.setAttribute("aria-pressed", String(hidden));
  } }, "Show");
  const submit = h("button", { class: "primary wide" }, "Sign in");

  async function send(event) {
    event.preventDefault();
    submit.disabled = true;
    submit.textContent = "Signing in…";
    problem.textContent = "";
    input.removeAttribute("aria-invalid");
    try {
      await open(input.value.trim());
    } catch (error) {
      problem.textContent = error.status === 401 ? "This key is not known, or it is no longer valid." : `${error.message} ${error.hint ?? ""}`;
      input.setAttribute("aria-invalid", "true");
      input.focus();
      input.select();
    } finally {
      submit.disabled = false;
      submit.textContent = "Sign in";
    }
  }

  fill(main,
    h("div", { class: "signin" },
      h("img", { src: "/page/mark.svg", alt: "", width: 56, height: 56 }),
      h("h1", null, "Sign in to Thoth"),
      h("p", { class: "lead" }, "What was said in your music lessons, word by word."),
      h("form", { class: "card", onsubmit: send },
        h("label", { for: "key" }, "API key"),
        h("div", { class: "with-button" }, input, reveal),
        problem,
        submit,
        h("p", { id: "key-help", class: "help" }, "Whoever runs your Thoth gives you a key. It stays in this browser tab and is forgotten when you close it."))));
  input.focus();
}
