// The agent's composer, as far as the channel's capabilities let it be.

import { post } from "./api.js";
import { readFile, submit } from "./forms.js";
import { loadThreads, thread } from "./inbox.js";
import { chip, icon, toEnd } from "./pieces.js";
import { $, state } from "./state.js";

const MEGABYTE = 1024 * 1024;
const megabytes = (bytes) => `${Math.max(0.1, Math.round(bytes / MEGABYTE * 10) / 10)} MB`;

export function paintComposer(open) {
  const limits = open?.composer;
  const closed = open?.status === "CLOSED" ? "This thread is closed. Reopen it to answer, or wait until the customer writes again." : limits?.closed;
  $("agent-form").hidden = !open || Boolean(closed);
  $("agent-closed").hidden = !closed;
  $("agent-closed").textContent = closed ?? "";
  if (!open) return;
  $("files-button").hidden = !limits.files;
  $("files-button").title = `Add files: up to ${limits.files}, ${megabytes(limits.fileSize)} each`;
  $("files-button").setAttribute("aria-label", $("files-button").title);
  $("agent-files").accept = limits.mimes.join(",");
  $("agent-chips").replaceChildren(...state.files.map((one) => chip(icon("picture"), one.name, `Remove ${one.name}`, () => drop(one))));
}

function drop(file) {
  state.files = state.files.filter((one) => one !== file);
  paintComposer(thread());
  $("agent-input").focus();
}

/** Why a file may not come along, in the words of an agent's composer; empty: it may. */
function objection(file, limits) {
  const allowed = limits.mimes.some((mime) => mime === file.mime || mime === "*/*" || (mime.endsWith("/*") && file.mime.startsWith(mime.slice(0, -1))));
  if (!allowed) return `${file.name} is of a type that this channel does not allow: ${file.mime}.`;
  if (state.files.length >= limits.files) return `This channel allows ${limits.files} file(s) per message.`;
  if (file.size > limits.fileSize) return `${file.name} is larger than this channel allows: ${megabytes(limits.fileSize)}.`;
  const total = [...state.files, file].reduce((sum, one) => sum + one.size, 0);
  return total > limits.totalSize ? `Together the files are larger than this channel allows: ${megabytes(limits.totalSize)}.` : "";
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

export async function sendAsAgent() {
  const input = $("agent-input"), text = input.value.trim(), id = state.thread;
  if (!id || (!text && !state.files.length)) return;
  const attachments = state.files.map(({ name, mime, base64 }) => ({ name, mime, base64 }));
  await submit($("agent-form"), $("agent-error"), () => post(`threads/${id}/reply`, { text, attachments }));
  if ($("agent-error").textContent) return;
  input.value = "";
  state.files = [];
  await loadThreads();
  toEnd($("agent-stream"));
}

export function wireComposer() {
  $("files-button").addEventListener("click", () => $("agent-files").click());
  $("agent-files").addEventListener("change", (event) => {
    addFiles(event.target.files).catch(() => { $("agent-error").textContent = "The file cannot be read."; });
    event.target.value = "";
  });
}
