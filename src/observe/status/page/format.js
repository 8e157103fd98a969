/** Numbers and times as people read them. */

const LONGEST_NAME = 63;

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** "02:14:07", with the day where it is not today. */
export function timeOf(iso) {
  const at = new Date(iso);
  return at.toDateString() === new Date().toDateString() ? clock.format(at) : day.format(at);
}

export function exactTimeOf(iso) {
  const at = new Date(iso);
  return `${clock.format(at)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** "3 h 12 min". */
export function spanOf(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** Three digits that matter. */
export function numberOf(value) {
  if (value === 0) return "0";
  if (value >= 100) return Math.round(value).toLocaleString("en-US").replaceAll(",", "\u202f");
  if (value >= 10) return value.toFixed(value % 1 === 0 ? 0 : 1);
  if (value % 1 === 0) return String(value);
  return value >= 0.095 ? value.toFixed(2).replace(/0$/, "") : value.toPrecision(1);
}

export function percentOf(share) {
  return `${Math.round(share * 100)}\u202f%`;
}

export function rateOf(perSecond) {
  return perSecond > 0 && perSecond < 0.1 ? "<0.1" : numberOf(Math.round(perSecond * 10) / 10);
}

export function millisecondsOf(ms) {
  if (ms >= 1000) return `${numberOf(ms / 1000)} s`;
  return `${ms < 0.01 ? "<0.01" : numberOf(Math.round(ms * 100) / 100)} ms`;
}

export function secondsOf(seconds) {
  if (seconds >= 60) return spanOf(seconds);
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

/** Names in the order people count: pod-2 before pod-10. */
export const byName = new Intl.Collator("en", { numeric: true }).compare;

export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** Names differ at their end, and at their beginning: one that fills lines loses its middle. */
export function middleOf(name) {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, 24)}…${name.slice(25 - LONGEST_NAME)}`;
}

/** Two decimals, and more where little would be nothing. */
export function scoreOf(value) {
  return value !== 0 && Math.abs(value) < 0.01 ? value.toPrecision(2) : value.toFixed(2);
}
