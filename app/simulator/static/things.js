// Dialogs in which either side makes what is no text: a place, a contact card, answers to choose from, a link.

import { $ } from "./state.js";

/** Opens a dialog and returns what was filled in, or null when it was closed. */
function ask(dialog) {
  const form = dialog.querySelector("form");
  form.reset();
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "done" ? Object.fromEntries(new FormData(form)) : null), { once: true });
  });
}

const listed = (value) => value.split(/[,\n]/).map((one) => one.trim()).filter(Boolean);

export async function askPlace() {
  const given = await ask($("new-place"));
  return given && { name: given.name.trim(), address: given.address.trim(), latitude: Number(given.latitude), longitude: Number(given.longitude) };
}

export async function askCard() {
  const given = await ask($("new-card"));
  return given && { name: given.name.trim(), organisation: given.organisation.trim(), phones: listed(given.phones), emails: listed(given.emails), links: listed(given.links) };
}

/** One answer a line; one with an address behind it opens that. */
export async function askChoices() {
  const given = await ask($("new-choices"));
  const lines = given ? given.answers.split("\n").map((line) => line.trim()).filter(Boolean) : [];
  return lines.map((line) => {
    const [, label, url] = /^(.*?)\s*(https?:\/\/\S+)$/.exec(line) ?? [null, line, ""];
    return { label: label || url, url };
  });
}

export async function askLink() {
  const given = await ask($("new-link"));
  return given && given.address.trim();
}
