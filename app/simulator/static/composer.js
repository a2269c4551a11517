// The agent's composer, as far as the channel's capabilities let it be.

import { post } from "./api.js";
import { sizeOf } from "./bubble.js";
import { takeFiles } from "./dropping.js";
import { insertPicture, offerFormats, setWritten, wireEditor, written } from "./editor.js";
import { readFile, submit } from "./forms.js";
import { loadThreads, thread } from "./inbox.js";
import { openMenu } from "./menu.js";
import { chip, icon, make, snippet, toEnd } from "./pieces.js";
import { $, state } from "./state.js";
import { askCard, askChoices, askPlace } from "./things.js";

export function paintComposer(open) {
  const limits = open?.composer;
  const closed = open?.status === "CLOSED" ? "This thread is closed. Reopen it to answer, or wait until the customer writes again." : limits?.closed;
  $("agent-form").hidden = !open || Boolean(closed);
  $("agent-closed").hidden = !closed;
  $("agent-closed").textContent = closed ?? "";
  if (!open) return;
  $("files-button").hidden = !limits.files;
  $("files-button").title = `Add files: up to ${limits.files}, ${sizeOf(limits.fileSize)} each`;
  $("files-button").setAttribute("aria-label", $("files-button").title);
  $("agent-files").accept = limits.mimes.join(",");
  $("agent-more").hidden = !offered(limits).length;
  offerFormats(limits.richText);
  paintChips();
}

/** What else a message can hold here. */
function offered(limits) {
  return [
    limits.inlineImages && { symbol: "picture", words: "Picture within the text", act: () => $("agent-picture").click() },
    limits.quickReplies && { symbol: "choices", words: "Quick replies", act: addChoices },
    limits.places && { symbol: "pin", words: "Place", act: addPlace },
    limits.places && { symbol: "person", words: "Contact card", act: addCard },
  ].filter(Boolean);
}

function paintChips() {
  $("agent-chips").replaceChildren(...[
    state.answered && chip(icon("reply"), snippet(state.answered), "Do not reply to this message", () => answer(null)),
    ...state.files.map((one) => chip(preview(one), one.name, `Remove ${one.name}`, () => drop(one))),
    ...state.things.map((one) => chip(icon(one.symbol), one.words, `Remove ${one.words}`, () => drop(one))),
  ].filter(Boolean));
}

const preview = (file) => file.mime.startsWith("image/") ? make("img", { src: file.url, alt: "" }) : icon("file");

/** The message that is replied to; null: none. */
export function answer(message) {
  state.answered = message;
  paintChips();
  if (message) $("agent-input").focus();
}

/** What was begun in a thread and not sent goes no further. */
export function forgetBegun() {
  Object.assign(state, { files: [], things: [], answered: null });
}

function drop(thing) {
  state.files = state.files.filter((one) => one !== thing);
  state.things = state.things.filter((one) => one !== thing);
  paintChips();
  $("agent-input").focus();
}

function add(symbol, words, attachment) {
  state.things.push({ symbol, words, attachment });
  paintChips();
  $("agent-input").focus();
}

async function addChoices() {
  const choices = await askChoices();
  if (!choices.length) return;
  const quickReplies = choices.map(({ label, url }) => ({ value: url || label, valueType: url ? "URL" : "TEXT", label }));
  add("choices", choices.map((one) => one.label).join(", "), { type: "QUICK_REPLIES", quickReplies });
}

async function addPlace() {
  const given = await askPlace();
  if (given) add("pin", given.name || "Place", { type: "LOCATION", ...given });
}

async function addCard() {
  const given = await askCard();
  if (!given) return;
  const [firstName, ...rest] = given.name.split(" ");
  add("person", given.name, { type: "CONTACT", contactProfile: {
    name: { firstName, lastName: rest.join(" ") }, org: { company: given.organisation }, addresses: [],
    phones: given.phones.map((phone) => ({ phone, type: "WORK" })), emails: given.emails.map((email) => ({ email, type: "WORK" })),
    urls: given.links.map((url) => ({ url, type: "WORK" })),
  } });
}

/** Why a file may not come along, in the words of an agent's composer; empty: it may. */
function objection(file, limits) {
  const allowed = limits.mimes.some((mime) => mime === file.mime || mime === "*/*" || (mime.endsWith("/*") && file.mime.startsWith(mime.slice(0, -1))));
  if (!allowed) return `${file.name} is of a type that this channel does not allow: ${file.mime}.`;
  if (state.files.length >= limits.files) return `This channel allows ${limits.files} file(s) per message.`;
  if (file.size > limits.fileSize) return `${file.name} is larger than this channel allows: ${sizeOf(limits.fileSize)}.`;
  const total = [...state.files, file].reduce((sum, one) => sum + one.size, 0);
  return total > limits.totalSize ? `Together the files are larger than this channel allows: ${sizeOf(limits.totalSize)}.` : "";
}

async function addFiles(files) {
  $("agent-error").textContent = "";
  for (const one of await Promise.all([...files].map(readFile))) {
    const problem = objection(one, thread().composer);
    if (problem) $("agent-error").textContent = problem;
    else state.files.push(one);
  }
  paintComposer(thread());
  $("agent-input").focus();
}

async function addPicture(file) {
  const { name, mime, base64 } = await readFile(file);
  const kept = await post("files", { name, mime, base64, portal: thread().portalId });
  insertPicture(kept.url, name);
}

export async function sendAsAgent() {
  const { text, html } = written(), id = state.thread;
  if (!id || (!html && !state.files.length && !state.things.length)) return;
  const attachments = [...state.files.map(({ name, mime, base64 }) => ({ name, mime, base64 })), ...state.things.map((one) => one.attachment)];
  const richText = thread().composer.richText.length || html.includes("<img") ? html || null : null;
  await submit($("agent-form"), $("agent-error"), () => post(`threads/${id}/reply`, { text, richText, attachments, inReplyTo: state.answered?.id ?? null }));
  if ($("agent-error").textContent) return;
  setWritten("");
  forgetBegun();
  await loadThreads();
  toEnd($("agent-stream"));
}

/** Runs `task` with a chosen file or files; what goes wrong is said below the composer. */
function onChosen(input, task) {
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    if (files.length) task(files).catch((error) => { $("agent-error").textContent = error.message || "The file cannot be read."; });
  });
}

export function wireComposer() {
  wireEditor();
  $("files-button").addEventListener("click", () => $("agent-files").click());
  $("agent-more").addEventListener("click", (event) => openMenu(event.currentTarget, "Add to the answer", offered(thread().composer)));
  onChosen($("agent-files"), addFiles);
  onChosen($("agent-picture"), ([file]) => addPicture(file));
  const may = () => !$("agent-form").hidden && Boolean(thread()?.composer.files);
  takeFiles($("pane-agent"), $("agent-input"), { may, take: addFiles });
}
