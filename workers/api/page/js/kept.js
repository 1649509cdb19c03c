/** Values that the browser keeps; where it may keep nothing, they last as long as the page. */

/** Return an object whose `value` is kept under `name`. `store` is localStorage unless told otherwise. */
export function kept(name, fallback, store = () => localStorage) {
  let memory = fallback;
  return {
    get value() {
      try {
        const text = store().getItem(name);
        return text === null ? fallback : JSON.parse(text);
      } catch {
        return memory;
      }
    },
    set value(value) {
      memory = value;
      try {
        if (value === null) store().removeItem(name);
        else store().setItem(name, JSON.stringify(value));
      } catch {
        // Private windows may refuse; `memory` has it.
      }
    },
  };
}
