// One message of either pane: its words, what it holds, and what can be done with it.

import { clock, icon, make, settle, snippet } from "./pieces.js";
import { fromEntities, fromHtml } from "./rich.js";

const MEGABYTE = 1_000_000;
const MAP = "https://www.openstreetmap.org/";

export const STATUSES = {
  sent: ["check", "Sent"], delivered: ["checks", "Delivered"], read: ["checks", "Read"], failed: ["warn", "Failed"],
  WAITING: ["clock", "Sending"], SENT: ["check", "Sent"], READ: ["checks", "Read"], FAILED: ["warn", "Not delivered"],
};

const failed = (message) => message.reason || /failed/i.test(message.status ?? "");

/**
 * A message: {id, own, who, text, entities or html, time, quote, status, reason, edited, deleted, attachments, places, cards,
 * choices, reactions}, and what the reader can do: `reply`, `more` and `press`, functions that are there or not.
 */
export function turn(message, testId) {
  const bare = message.attachments.length && message.attachments.every((one) => one.kind === "sticker") && !message.text;
  const classes = ["turn", message.own && "own", message.same && "same", failed(message) && "failed", bare && "bare"];
  const bubble = make("div", { class: "bubble", "data-testid": testId, "data-direction": message.own ? "out" : "in", "data-message": message.id },
    make("span", { class: "who" }, message.own ? "" : message.who),
    message.quote && quote(message.quote),
    ...message.attachments.map(attachment),
    ...message.places.map(place),
    ...message.cards.map(card),
    words(message),
    message.choices.length ? make("div", { class: "choices" }, ...message.choices.map((one, index) => choice(one, index, message.press))) : null,
    foot(message),
    message.reactions.length ? make("span", { class: "reactions", "aria-label": `Reactions: ${message.reactions.join(" ")}`, role: "img" }, ...message.reactions) : null,
  );
  return make("div", { class: classes.filter(Boolean).join(" "), "data-key": message.id }, bubble, ...acts(message));
}

function acts(message) {
  const about = snippet({ ...message, place: message.places[0], card: message.cards[0] });
  const act = (symbol, label, onclick, more = {}) => make("button", { type: "button", class: "again", "aria-label": `${label}: ${about}`, title: label, onclick, ...more }, icon(symbol));
  return [
    message.reply && act("reply", "Reply to", message.reply),
    message.more && act("more", "More about", (event) => message.more(event.currentTarget), { "aria-haspopup": "menu" }),
  ].filter(Boolean);
}

function words(message) {
  if (message.deleted) return make("span", { class: "text gone" }, "Deleted");
  if (message.html) return make("div", { class: "text rich" }, ...fromHtml(message.html).map(loading));
  return message.text ? make("span", { class: "text" }, ...fromEntities(message.text, message.entities ?? [])) : null;
}

function loading(node) {
  for (const picture of node.querySelectorAll?.("img") ?? []) picture.addEventListener("load", () => settle(picture.closest(".stream")));
  return node;
}

/** The message that is answered; leads there. */
function quote({ id, words: said }) {
  return make("button", { type: "button", class: "quote", title: "Show the message", onclick: (event) => {
    const found = event.currentTarget.closest(".stream").querySelector(`[data-message="${CSS.escape(id ?? "")}"]`);
    found?.scrollIntoView({ block: "center" });
    found?.animate([{ outline: "3px solid var(--accent)" }, { outline: "3px solid transparent" }], 900);
  } }, said);
}

export function foot(message) {
  const [symbol, said] = STATUSES[message.status] ?? [];
  const status = symbol && make("span", { class: "status", "data-status": message.status, "data-testid": message.statusTestId }, icon(symbol), said);
  return make("div", { class: "foot" },
    make("span", { class: "meta" }, message.edited && !message.deleted ? "edited" : null, make("time", {}, clock(message.time)), status || null),
    message.reason ? make("p", { class: "reason" }, icon("warn"), make("span", {}, message.reason)) : null,
  );
}

export function sizeOf(bytes) {
  if (!bytes) return "";
  return bytes < 1000 ? `${bytes} bytes` : bytes < MEGABYTE ? `${Math.round(bytes / 1000)} KB` : `${(bytes / MEGABYTE).toFixed(1)} MB`;
}

function attachment(one) {
  const show = one.url && SHOWN[one.kind];
  return show ? show(one) : file(one);
}

const SHOWN = { image: picture, sticker: picture, audio: sound, voice: sound, video: film };

function picture(one) {
  const shown = make("img", { src: one.url, alt: one.name || "Picture", class: one.kind, onload: () => settle(shown.closest(".stream")), onerror: () => opened.replaceWith(file(one)) });
  const opened = make("a", { href: one.url, target: "_blank", rel: "noopener" }, shown);
  return opened;
}

function sound(one) {
  const label = one.kind === "voice" ? "Voice note" : one.name || "Audio";
  return make("figure", { class: "sound" },
    make("figcaption", {}, icon(one.kind === "voice" ? "mic" : "sound"), make("span", {}, label), make("small", {}, sizeOf(one.size))),
    make("audio", { src: one.url, controls: true, preload: "metadata", "aria-label": label }),
  );
}

function film(one) {
  const shown = make("video", { src: one.url, controls: true, preload: "metadata", "aria-label": one.name || "Video", onloadedmetadata: () => settle(shown.closest(".stream")) });
  return shown;
}

function file(one) {
  const inside = [make("span", { class: "sheet" }, icon("file")), make("span", { class: "grow" }, make("b", {}, one.name || "File"), make("small", {}, [sizeOf(one.size), one.mime].filter(Boolean).join(" · ")))];
  return one.url ? make("a", { class: "file", href: one.url, target: "_blank", rel: "noopener", download: one.name || true }, ...inside) : make("span", { class: "file" }, ...inside);
}

function place(one) {
  const point = `${one.latitude.toFixed(5)}, ${one.longitude.toFixed(5)}`;
  const query = new URLSearchParams({ mlat: one.latitude, mlon: one.longitude });
  return make("a", { class: "place", href: one.url || `${MAP}?${query}#map=16/${one.latitude}/${one.longitude}`, target: "_blank", rel: "noopener noreferrer" },
    make("span", { class: "map", "aria-hidden": "true" }, icon("pin")),
    make("b", {}, one.name || "Place"), make("small", {}, one.address || point), make("span", { class: "hidden" }, "opens a map"),
  );
}

function card(one) {
  const lines = [...one.phones.map((value) => [value, `tel:${value.replace(/[^\d+]/g, "")}`]), ...one.emails.map((value) => [value, `mailto:${value}`]), ...one.links.map((value) => [value, value])];
  return make("div", { class: "contact" },
    make("span", { class: "sheet" }, icon("person")),
    make("span", { class: "grow" }, make("b", {}, one.name || "Contact"), one.organisation ? make("small", {}, one.organisation) : null,
      ...lines.map(([value, href]) => /^(https?:|mailto:|tel:)/i.test(href) ? make("a", { href, target: "_blank", rel: "noopener noreferrer" }, value) : make("span", {}, value))),
  );
}

function choice(one, index, press) {
  if (one.url) return make("a", { class: "choice", href: one.url, target: "_blank", rel: "noopener noreferrer" }, one.label, icon("open"));
  return press ? make("button", { type: "button", class: "choice", onclick: () => press(one, index + 1) }, one.label) : make("span", { class: "choice" }, one.label);
}
