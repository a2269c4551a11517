// The agent's editor: a text with the formatting that the channel allows.

import { make } from "./pieces.js";
import { cleanHtml } from "./rich.js";
import { $ } from "./state.js";
import { askLink } from "./things.js";

const BLOCKS = "p, ul, ol, blockquote, pre";
const input = () => $("agent-input");

/** What was written: {text, html}, without spaces around it. */
export function written() {
  const box = input();
  return { text: box.innerText.replace(/\u00a0/g, " ").replace(/\n{2,}/g, "\n").trim(), html: asHtml(box) };
}

/** The editor's content as HubSpot's HTML: what stands outside of a paragraph gets one. */
function asHtml(box) {
  const clean = make("div", {});
  clean.innerHTML = cleanHtml(box.innerHTML);
  const blocks = [];
  for (const node of [...clean.childNodes]) {
    if (node.nodeType === Node.ELEMENT_NODE && node.matches(BLOCKS)) blocks.push(node);
    else if (blocks.length && blocks.at(-1).isLoose) blocks.at(-1).append(node);
    else blocks.push(Object.assign(make("p", {}, node), { isLoose: true }));
  }
  const shown = blocks.filter((block) => block.textContent.trim() || block.querySelector("img"));
  return shown.map((block) => block.outerHTML).join("");
}

export function setWritten(html) {
  input().innerHTML = html;
}

export function insertPicture(src, alt) {
  input().focus();
  document.execCommand("insertHTML", false, make("div", {}, make("img", { src, alt })).innerHTML);
}

async function link() {
  const selection = getSelection();
  const range = selection.rangeCount && input().contains(selection.anchorNode) ? selection.getRangeAt(0).cloneRange() : null;
  const address = await askLink();
  input().focus();
  if (!address) return;
  if (range) { selection.removeAllRanges(); selection.addRange(range); }
  if (selection.isCollapsed) document.execCommand("insertHTML", false, make("div", {}, make("a", { href: address }, address)).innerHTML);
  else document.execCommand("createLink", false, address);
}

const within = (tag) => getSelection().anchorNode?.parentElement?.closest(tag);
const COMMANDS = {
  BOLD: () => document.execCommand("bold"),
  ITALIC: () => document.execCommand("italic"),
  UNDERLINE: () => document.execCommand("underline"),
  LISTS: () => document.execCommand("insertUnorderedList"),
  BLOCKQUOTE: () => document.execCommand("formatBlock", false, within("blockquote") ? "p" : "blockquote"),
  HYPERLINK: link,
};
const STATES = { BOLD: "bold", ITALIC: "italic", UNDERLINE: "underline", LISTS: "insertUnorderedList" };

function paintTools() {
  for (const button of document.querySelectorAll("[data-format]")) {
    const command = STATES[button.dataset.format];
    if (command) button.setAttribute("aria-pressed", String(document.queryCommandState(command)));
  }
}

/** Offers what the channel's capabilities name, and nothing else. */
export function offerFormats(names) {
  for (const button of document.querySelectorAll("[data-format]")) button.hidden = !names.includes(button.dataset.format);
}

export function wireEditor() {
  document.execCommand("defaultParagraphSeparator", false, "p");
  for (const button of document.querySelectorAll("[data-format]")) {
    button.addEventListener("mousedown", (event) => event.preventDefault());
    button.addEventListener("click", () => { input().focus(); COMMANDS[button.dataset.format](); paintTools(); });
  }
  document.addEventListener("selectionchange", () => { if (document.activeElement === input()) paintTools(); });
  input().addEventListener("input", () => { if (!input().textContent.trim() && !input().querySelector("img, li")) input().replaceChildren(); });
  input().addEventListener("paste", (event) => {
    if (event.defaultPrevented || !event.clipboardData) return;
    event.preventDefault();
    const html = event.clipboardData.getData("text/html"), text = event.clipboardData.getData("text/plain");
    if (html) document.execCommand("insertHTML", false, cleanHtml(html));
    else document.execCommand("insertText", false, text);
  });
}
