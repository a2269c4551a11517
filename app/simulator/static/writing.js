// The customer's composer: words, files, and what messengers send at once.

import { post } from "./api.js";
import { customer, place } from "./customers.js";
import { takeFiles } from "./dropping.js";
import { readFile, submit } from "./forms.js";
import { openMenu } from "./menu.js";
import { chip, icon, make, snippet, toEnd } from "./pieces.js";
import { $, state } from "./state.js";
import { askCard, askPlace } from "./things.js";

const SIGNS = ["👍", "❤", "😁", "🎉", "😢", "🙏"];
//: The Bot API's words for what goes as itself; everything else is a document.
const KINDS = { image: "photo", video: "video", audio: "audio" };

export function setQuote(bubble) {
  state.quote = bubble;
  paintChips();
  if (bubble) $("customer-input").focus();
}

/** The message whose words are written anew. */
function change(bubble) {
  state.changed = bubble;
  $("customer-input").value = bubble?.text ?? "";
  paintChips();
  $("customer-input").focus();
}

/** What was begun in a conversation and not sent goes no further. */
export function forgetBegun() {
  Object.assign(state, { attached: [], quote: null, changed: null });
  paintChips();
}

function paintChips() {
  $("customer-chips").replaceChildren(...[
    state.changed && chip(icon("edit"), snippet(state.changed), "Do not change this message", () => change(null)),
    state.quote && chip(icon("reply"), snippet(state.quote), "Do not reply to this message", () => setQuote(null)),
    ...state.attached.map((one) => chip(preview(one), one.name, `Remove ${one.name}`, () => {
      state.attached = state.attached.filter((other) => other !== one);
      paintChips();
      $("customer-input").focus();
    })),
  ].filter(Boolean));
}

const preview = (file) => file.mime.startsWith("image/") ? make("img", { src: file.url, alt: "" }) : icon("file");

async function attach(files) {
  state.attached.push(...await Promise.all([...files].map(readFile)));
  paintChips();
  $("customer-input").focus();
}

const asLoopback = ({ name, mime, base64, kind = "" }) => ({ name, mime, base64, kind });
const asTelegram = ({ name, mime, base64, kind }) => ({ kind: kind ?? KINDS[mime.split("/")[0]] ?? "document", name, mime, base64 });

/** Says {text, files, place, card} in the service's own way. */
async function say(chat, { text = "", files = [], place: where, card }) {
  const quoted = state.quote?.id ?? null;
  if (chat.service === "loopback") {
    return post("loopback/say", { ...place(chat), text, reply_to: quoted, attachments: files.map(asLoopback), place: where, card });
  }
  const base = { ...place(chat), reply_to: Number(quoted ?? 0) };
  if (where) return post("telegram/send-kind", { ...base, kind: where.name ? "venue" : "location", latitude: where.latitude, longitude: where.longitude, title: where.name, address: where.address });
  if (card) return post("telegram/send-kind", { ...base, kind: "contact", first_name: card.name, phone_number: card.phones[0] ?? "" });
  if (!files.length) return post("telegram/say", { ...base, text });
  const album = files.length > 1 ? String(Date.now()) : "";
  for (const [index, file] of files.entries()) await post("telegram/send-kind", { ...base, ...asTelegram(file), album, caption: index ? "" : text });
  return null;
}

async function send(content) {
  const chat = customer();
  await submit($("customer-form"), $("customer-error"), () => say(chat, content));
  if ($("customer-error").textContent) return false;
  forgetBegun();
  toEnd($("customer-stream"));
  return true;
}

export async function sendAsCustomer() {
  const input = $("customer-input"), text = input.value.trim();
  if (!customer() || (!text && !state.attached.length)) return;
  const sent = state.changed ? await rewrite(state.changed, text) : await send({ text, files: state.attached });
  if (sent) input.value = "";
}

/** What is done to a message: loopback's word for it, and Telegram's. */
function touch(bubble, path, kind, more) {
  const chat = customer();
  return chat.service === "loopback"
    ? post(`loopback/${path}`, { ...place(chat), message: bubble.id, ...more })
    : post("telegram/send-kind", { ...place(chat), kind, message_id: Number(bubble.id), ...more });
}

async function rewrite(bubble, text) {
  await submit($("customer-form"), $("customer-error"), () => touch(bubble, "edit", "edited_message", { text }));
  if ($("customer-error").textContent) return false;
  forgetBegun();
  return true;
}

const attempt = (task) => task.catch((error) => { $("customer-error").textContent = error.message; });

export const press = (bubble) => (choice, number) => attempt(touch(bubble, "press", "callback_query", choice.data ? { data: choice.data } : { choice: number }));

/** What a customer can do with a message. */
export function openActs(bubble, button) {
  const react = (emoji) => () => attempt(touch(bubble, "react", "message_reaction", { emoji }));
  const mine = bubble.mine && !bubble.attachments.length && !bubble.place && !bubble.card;
  const rows = [
    mine && { symbol: "edit", words: "Change", act: () => change(bubble) },
    bubble.mine && { symbol: "trash", words: "Delete", danger: true, act: () => attempt(touch(bubble, "delete", "deletion", {})) },
    bubble.reactions.length && { symbol: "close", words: "Take the reaction back", act: react("") },
  ].filter(Boolean);
  openMenu(button, "What to do with the message", rows, SIGNS.map((sign) => ({ sign, words: `React with ${sign}`, act: react(sign) })));
}

/** Opens the choice of one file that is sent at once, as a kind of its own. */
function choose(kind, accept) {
  $("customer-file").accept = accept;
  $("customer-file").dataset.kind = kind;
  $("customer-file").click();
}

async function sendPlace() {
  const given = await askPlace();
  if (given) await send({ place: given });
}

async function sendCard() {
  const given = await askCard();
  if (given) await send({ card: given });
}

const MORE = [
  { symbol: "mic", words: "Voice note", act: () => choose("voice", "audio/*") },
  { symbol: "sticker", words: "Sticker", act: () => choose("sticker", "image/webp,image/png,video/webm,.tgs") },
  { symbol: "pin", words: "Place", act: sendPlace },
  { symbol: "person", words: "Contact card", act: sendCard },
];

function onChosen(input, task) {
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    if (files.length) task(files).catch(() => { $("customer-error").textContent = "The file cannot be read."; });
  });
}

export function wireWriting() {
  $("attach-button").addEventListener("click", () => $("customer-files").click());
  $("customer-more").addEventListener("click", (event) => openMenu(event.currentTarget, "Send something else", MORE));
  onChosen($("customer-files"), attach);
  onChosen($("customer-file"), async ([file]) => send({ files: [{ ...await readFile(file), kind: $("customer-file").dataset.kind }] }));
  takeFiles($("pane-customer"), $("customer-input"), { may: () => Boolean(customer()), take: attach });
}
