/** Line icons, drawn on a grid of 24. They are never the only name of a control. */

const PATHS = {
  upload: "M12 16V4m0 0-5 5m5-5 5 5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3",
  download: "M12 4v12m0 0-5-5m5 5 5-5M4 19h16",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm9 2-4-4",
  up: "m6 15 6-6 6 6",
  down: "m6 9 6 6 6-6",
  back: "m14 6-6 6 6 6",
  edit: "M4 20h4L19 9l-4-4L4 16v4Zm9-13 4 4",
  more: "M12 6v.01M12 12v.01M12 18v.01",
  follow: "M4 6h10M4 12h7M4 18h10m2-6 4-3v6l-4-3Z",
  plus: "M12 5v14M5 12h14",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm0-13v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z",
  screen: "M4 5h16v11H4V5Zm5 15h6m-3-4v4",
  warn: "M12 4 2.8 20h18.4L12 4Zm0 6v4m0 3v.01",
  wave: "M4 10v4m4-8v12m4-9v6m4-10v14m4-9v4",
  book: "M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3V4Zm0 13a3 3 0 0 1 3-3h11",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7 8a7 7 0 0 1 14 0",
};

const SVG = "http://www.w3.org/2000/svg";

/** Return an icon, hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
