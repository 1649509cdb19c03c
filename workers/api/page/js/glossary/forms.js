/** The dialogs in which a term or a category is edited. */

import { h, unique } from "../dom.js";

const FORMS = [
  ["noun", "A thing: its plural is found too"],
  ["verb", "Something one does: its forms are found too"],
  ["none", "Only as it is written here"],
];

/** Ask for a term; `term` is null for a new one. Resolves to its fields, `"remove"`, or null. */
export function askTerm(term, categories, category) {
  const chosen = term?.category ?? category;
  return ask(term ? "Edit the term" : "Add a term", term !== null, [
    field("canonical", "Term", h("input", { required: true, maxlength: 100, pattern: ".*\\S.*", value: term?.canonical ?? "", autocomplete: "off" })),
    field("category", "Category", h("select", null, categories.map(({ id, name }) => h("option", { value: id, selected: id === chosen }, name)))),
    field("variants", "Also said as", h("textarea", { rows: 3, value: term?.variants.join("\n") ?? "", spellcheck: "false" }), "One a line. Plurals and other forms are found by themselves."),
    field("definition", "What it means", h("textarea", { required: true, rows: 3, maxlength: 1000, value: term?.definition ?? "" })),
    field("inflect", "What it is", h("select", null, FORMS.map(([value, text]) => h("option", { value, selected: value === (term?.inflect ?? "noun") }, text)))),
  ], (values) => ({ ...values, variants: lines(values.variants) }));
}

/** Ask for a category, likewise; one that has terms can't be removed. */
export function askCategory(category, removable) {
  return ask(category ? "Edit the category" : "Add a category", category !== null && removable, [
    field("name", "Name", h("input", { required: true, maxlength: 100, pattern: ".*\\S.*", value: category?.name ?? "", autocomplete: "off" })),
    field("description", "What belongs to it", h("textarea", { required: true, rows: 3, maxlength: 1000, value: category?.description ?? "" })),
  ], (values) => values);
}

function lines(text) {
  return [...new Set(text.split("\n").map((line) => line.trim()).filter(Boolean))];
}

function field(name, label, control, help = "") {
  const id = unique(name);
  control.id = id;
  control.name = name;
  if (help) control.setAttribute("aria-describedby", `${id}-help`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, help && h("p", { id: `${id}-help`, class: "help" }, help));
}

function ask(title, removable, fields, shaped) {
  return new Promise((resolve) => {
    const name = unique("form");
    let answer = null;
    const form = h("form", { method: "dialog", onsubmit: (event) => {
      if (event.submitter?.value !== "done") return;
      const values = [...new FormData(form)].map(([key, value]) => [key, value.trim()]);
      answer = shaped(Object.fromEntries(values));
    } },
      h("h2", { id: name }, title), fields,
      h("div", { class: "actions" },
        h("button", { value: "done", class: "primary" }, "Done"),
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
        removable && h("button", { type: "button", class: "danger-text push", onclick: () => {
          answer = "remove";
          dialog.close();
        } }, "Remove")));
    const dialog = h("dialog", { class: "dialog wide-dialog", "aria-labelledby": name, onclose: () => {
      dialog.remove();
      resolve(answer);
    } }, form);
    document.body.append(dialog);
    dialog.showModal();
  });
}
