/** Figures as people read them. Pure. */

/** 83 → "1:23", 5025 → "1:23:45". */
export function clock(seconds) {
  const [hours, minutes, rest] = split(seconds);
  const tail = String(rest).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** 83 → "1 minute 23 seconds", for screen readers. */
export function spokenClock(seconds) {
  const names = ["hour", "minute", "second"];
  const parts = split(seconds).map((value, place) => (value ? plural(value, names[place]) : ""));
  return parts.filter(Boolean).join(" ") || "the beginning";
}

function split(seconds) {
  const whole = Math.max(0, Math.floor(Number(seconds) || 0));
  return [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
}

const FIGURES = new Intl.NumberFormat("en");

/** 3, "word" → "3 words". */
export function plural(value, noun) {
  return `${FIGURES.format(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** 1536000 → "1.5 MB". */
export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toLocaleString("en", { maximumFractionDigits: value < 10 && unit ? 1 : 0 })} ${units[unit]}`;
}

/** 0.873 → "87 %". */
export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const TIME = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** An instant → "today, 14:05" or "3 May 2025". */
export function when(instant, now = new Date()) {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return "";
  const sameDay = date.toDateString() === now.toDateString();
  return sameDay ? `today, ${TIME.format(date)}` : DAY.format(date);
}

const LANGUAGES = new Intl.DisplayNames("en", { type: "language" });

/** "en" → "English"; what is no language code is returned as it is. */
export function language(code) {
  try {
    return LANGUAGES.of(code) ?? code;
  } catch {
    return code;
  }
}

/** Seconds that remain → "about 3 minutes". */
export function remaining(seconds) {
  if (seconds < 60) return "less than a minute";
  return seconds < 5400 ? `about ${plural(Math.round(seconds / 60), "minute")}` : `about ${plural(Math.round(seconds / 3600), "hour")}`;
}

/** "there is no such job" → "There is no such job." */
export function sentence(text) {
  const trimmed = String(text).trim();
  const ended = trimmed === "" || /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
