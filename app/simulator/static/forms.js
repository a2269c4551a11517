// Composers and dialogs: how they are sent, and what both sides need for files.

import { state } from "./state.js";

export async function submit(form, error, send) {
  const button = form.querySelector("[type=submit]");
  if (button.disabled) return;
  button.disabled = true;
  error.textContent = "";
  try { await send(); } catch (problem) { error.textContent = problem.message || "That did not work."; }
  button.disabled = false;
}

export function mark(tab) {
  if (state.tab !== tab) document.querySelector(`.tab[data-tab=${tab}] .dot`).hidden = false;
}

/** Whether the cursor is in a list, where Enter makes the next item. */
function inList(input) {
  const node = input.isContentEditable ? getSelection().anchorNode : null;
  return Boolean((node?.closest ? node : node?.parentElement)?.closest("li"));
}

/** Enter sends where there is a keyboard, Ctrl and Enter anywhere; on touch screens and in lists Enter makes a new line. */
export function sendOnEnter(input, form) {
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    const surely = event.ctrlKey || event.metaKey;
    if (!surely && (event.shiftKey || inList(input) || matchMedia("(pointer: coarse)").matches)) return;
    event.preventDefault();
    form.requestSubmit();
  });
}

export function onSubmit(form, action) {
  form.addEventListener("submit", (event) => { event.preventDefault(); action(); });
}

/** A file as the simulator takes it. */
export async function readFile(file) {
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  return { name: file.name, mime: file.type || "application/octet-stream", size: file.size, url, base64: url.slice(url.indexOf(",") + 1) };
}
