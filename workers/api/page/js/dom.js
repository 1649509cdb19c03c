/**
 * Elements without HTML: text goes in as text, so that a name or a transcript can't become markup.
 */

/**
 * Make an element. Attributes named `on…` are listeners; null, undefined and false leave an attribute out.
 * Children are nodes or text; null, undefined and false are left out.
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  fill(element, ...children);
  return element;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

let count = 0;

/** Return an id that no other element has. */
export function unique(prefix) {
  count += 1;
  return `${prefix}-${count}`;
}

/** Return a function that runs `action` once, `delay` milliseconds after its last call. */
export function settled(action, delay) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(action, delay, ...values);
  };
}

/** Return a function that runs `action` at most once a frame, with the last values. */
export function framed(action) {
  let last = null;
  return (...values) => {
    if (last === null) requestAnimationFrame(() => {
      const given = last;
      last = null;
      action(...given);
    });
    last = values;
  };
}
