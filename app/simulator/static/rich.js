// Formatted texts: Telegram's entities and HubSpot's HTML become elements, and nothing of a stranger's becomes anything else.

import { make } from "./pieces.js";

const TAGS = {
  bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", spoiler: "mark",
};
const BLOCKS = new Set(["blockquote", "pre"]);
const KEPT = new Set(["p", "br", "strong", "em", "u", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "img"]);
const SAME = { b: "strong", i: "em", del: "s", strike: "s", ins: "u", div: "p" };
const DROPPED = new Set(["script", "style", "template", "iframe", "object", "svg", "math", "head", "title"]);
const ADDRESS = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]]/g;

const link = (href, ...words) => make("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...words);
const isSafe = (href) => /^(https?:|mailto:|tel:)/i.test(href ?? "");

/** A plain text whose addresses can be followed. */
function linked(text) {
  const pieces = [];
  let from = 0;
  for (const found of text.matchAll(ADDRESS)) {
    pieces.push(text.slice(from, found.index), link(found[0], found[0]));
    from = found.index + found[0].length;
  }
  return [...pieces, text.slice(from)].filter((piece) => piece !== "");
}

/** A text with formatting beside it, whose places count UTF-16 units. */
export function fromEntities(text, entities) {
  const edges = new Set([0, text.length]);
  for (const one of entities) { edges.add(one.offset); edges.add(one.offset + one.length); }
  const places = [...edges].filter((edge) => edge <= text.length).sort((a, b) => a - b);
  const ends = new Set(entities.filter((one) => BLOCKS.has(one.type)).map((one) => one.offset + one.length));
  return places.slice(0, -1).flatMap((start, index) => {
    const end = places[index + 1];
    const around = entities.filter((one) => one.offset <= start && one.offset + one.length >= end);
    const href = around.find((one) => one.type === "text_link")?.url;
    // A block ends its line by itself.
    const words = text.slice(start + (ends.has(start) && text[start] === "\n" ? 1 : 0), end);
    let pieces = isSafe(href) ? [link(href, words)] : linked(words);
    for (const one of around) if (TAGS[one.type]) pieces = [make(TAGS[one.type], {}, ...pieces)];
    return pieces;
  });
}

function cleaned(node) {
  if (node.nodeType === Node.TEXT_NODE) return [node.data];
  if (node.nodeType !== Node.ELEMENT_NODE) return [];
  const tag = SAME[node.localName] ?? node.localName;
  if (DROPPED.has(tag)) return [];
  const inside = [...node.childNodes].flatMap(cleaned);
  if (tag === "a") return isSafe(node.getAttribute("href")) ? [link(node.getAttribute("href"), ...inside)] : inside;
  if (tag === "img") {
    const src = node.getAttribute("src") ?? "";
    return /^(https?:|\/|data:image\/)/i.test(src) ? [make("img", { src, alt: node.getAttribute("alt") || "Picture" })] : [];
  }
  return KEPT.has(tag) ? [make(tag, {}, ...inside)] : inside;
}

/** The elements of some HTML that a message may hold; the rest is left out, its words stay. */
export function fromHtml(html) {
  return [...new DOMParser().parseFromString(html, "text/html").body.childNodes].flatMap(cleaned);
}

/** The same as HTML. */
export function cleanHtml(html) {
  return make("div", {}, ...fromHtml(html)).innerHTML;
}
