// Small pieces of the page, and the streams and lists that are made of them.

import { foot, turn } from "./bubble.js";
import { state } from "./state.js";

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export function paintFace(element, name) {
  const words = name.trim().split(/\s+/);
  element.textContent = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...word][0] ?? "").join("").toUpperCase();
  let hue = 0;
  for (const letter of name) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  element.style.setProperty("--hue", hue);
  return element;
}

export const face = (name) => paintFace(make("span", { class: "face", "aria-hidden": "true" }), name);
export const clock = (time, more = {}) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...more });
export const oneLine = (text) => text.replace(/\s+/g, " ").trim();
const KINDS = { image: "Picture", video: "Video", audio: "Audio", voice: "Voice note", sticker: "Sticker" };

/** What a message says, in a few words. */
export function snippet(message) {
  const [file] = message.attachments ?? [];
  const thing = file && (KINDS[file.kind] ?? file.name ?? "File");
  const place = message.place && (message.place.name || "Place");
  return oneLine(message.text ?? "") || (message.deleted ? "Deleted" : thing || place || message.card?.name || (message.card ? "Contact card" : ""));
}

export function dayOf(time) {
  const day = new Date(time).toDateString();
  return day === new Date().toDateString() ? "Today" : new Date(time).toLocaleDateString([], { day: "numeric", month: "long" });
}

export function empty(place, symbol, title, words, action = null) {
  place.replaceChildren(
    make("span", { class: "badge", "aria-hidden": "true" }, icon(symbol)),
    make("strong", {}, title), make("p", {}, words), action ?? "",
  );
}

export function toEnd(stream) {
  stream.atEnd = true;
  settle(stream);
}

/** Pictures grow when they arrive: a reader at the end of the conversation stays there. */
export function settle(stream) {
  if (stream?.atEnd) stream.scrollTop = stream.scrollHeight;
}

/** Brings a conversation up to date, touching only what changed, so that screen readers hear only that. */
export function paintStream(place, messages, testId) {
  const wanted = [];
  let day = "", previous = null;
  for (const message of messages) {
    if (dayOf(message.time) !== day) {
      day = dayOf(message.time);
      wanted.push({ key: `day-${day}`, build: () => make("div", { class: "day", "data-key": `day-${wanted.length}` }, dayOf(message.time)) });
      previous = null;
    }
    if (message.note) {
      wanted.push({ key: message.id, sign: message.text, build: () => make("div", { class: "event", "data-key": message.id }, message.text) });
      previous = null;
      continue;
    }
    message.same = previous !== null && previous.own === message.own && previous.who === message.who;
    previous = message;
    const { status, reason, reply, ...fixed } = message;
    wanted.push({ key: message.id, sign: JSON.stringify(fixed), sure: `${status}|${reason}`, message, build: () => turn(message, testId) });
  }
  const old = new Map([...place.children].map((child) => [child.key, child]));
  const kept = new Set(wanted.map((one) => one.key));
  for (const [key, child] of old) if (!kept.has(key)) child.remove();
  wanted.forEach((one, index) => {
    let child = old.get(one.key);
    if (child && child.sign === one.sign && child.sure !== one.sure) {
      child.querySelector(".foot").replaceWith(foot(one.message));
      child.classList.toggle("failed", Boolean(one.message.reason) || /failed/i.test(one.message.status ?? ""));
    } else if (!child || child.sign !== one.sign) {
      const fresh = one.build();
      child?.replaceWith(fresh);
      child = fresh;
    }
    Object.assign(child, { key: one.key, sign: one.sign, sure: one.sure });
    if (place.children[index] !== child) place.insertBefore(child, place.children[index] ?? null);
  });
  settle(place);
}

export function paintList(place, rows) {
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  place.replaceChildren(...rows.map((row) => make("li", {},
    make("button", {
      type: "button", class: "item", "data-key": row.key, "data-testid": row.testId, "data-unread": String(state.unread.has(row.key)),
      "aria-current": row.current ? "true" : null, onclick: row.choose,
    }, face(row.name), make("strong", {}, row.name), row.via && make("small", { class: "via" }, row.via), make("time", {}, row.time ? clock(row.time) : ""), make("span", { class: "last" }, row.last)),
  )));
  if (focused) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

/** Something that goes along with the next message, and can be taken away. */
export function chip(symbol, words, label, drop) {
  return make("div", { class: "chip" }, symbol, make("span", {}, words), make("button", { type: "button", class: "icon", "aria-label": label, onclick: drop }, icon("close")));
}

/** Fills a choice with [value, words] and keeps what is chosen. */
export function paintChoice(select, options, chosen) {
  select.replaceChildren(...options.map(([value, words]) => make("option", { value }, words)));
  select.value = chosen ?? "";
}
