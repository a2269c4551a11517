// The agent's side: threads by inbox, and what is said in them.

import { gathered, get, post } from "./api.js";
import { answer, forgetBegun, paintComposer } from "./composer.js";
import { nameOf, paintDetails } from "./desk.js";
import { setWritten } from "./editor.js";
import { empty, oneLine, paintChoice, paintFace, paintList, paintStream, snippet, toEnd } from "./pieces.js";
import { $, state } from "./state.js";

/** The thread that is open. */
export const thread = () => state.threads.find((one) => one.id === state.thread) ?? null;

export const loadThreads = gathered(async () => {
  const before = new Map(state.threads.map((one) => [one.id, one.lastMessage?.id]));
  const [scene, threads] = await Promise.all([get("state"), get("threads")]);
  state.scene = scene;
  state.threads = threads.sort((a, b) => b.latestAt.localeCompare(a.latestAt));
  for (const one of state.threads) {
    const news = before.size && one.lastMessage && before.get(one.id) !== one.lastMessage.id;
    if (news && one.lastMessage.direction === "INCOMING" && one.id !== state.thread) state.unread.add(`thread/${one.id}`);
  }
  if (thread()) state.show = thread().status;
  else state.thread = listed().find((one) => one.status === state.show)?.id ?? null;
  paintThreads();
  await loadLines();
});

const loadLines = gathered(async () => {
  const wanted = state.thread;
  const lines = wanted ? await get(`threads/${wanted}/messages`) : [];
  if (wanted !== state.thread) return loadLines();
  state.lines = lines;
  paintLines();
});

export function chooseThread(id) {
  $("agent-error").textContent = "";
  forgetBegun();
  state.drafts.set(state.thread, $("agent-input").innerHTML);
  state.thread = id;
  state.unread.delete(`thread/${id}`);
  state.lines = [];
  setWritten(state.drafts.get(id) ?? "");
  $("agent-stream").replaceChildren();
  toEnd($("agent-stream"));
  paintThreads();
  loadLines();
}

/** The threads of the inbox that is looked at, or of all. */
const listed = () => state.threads.filter((one) => !state.room || one.inboxId === state.room);

export function paintThreads() {
  paintRooms();
  for (const button of document.querySelectorAll("[data-show]")) {
    button.setAttribute("aria-pressed", String(button.dataset.show === state.show));
    button.querySelector("b").textContent = listed().filter((one) => one.status === button.dataset.show).length;
  }
  paintList($("threads"), listed().filter((one) => one.status === state.show).map((one) => ({
    key: `thread/${one.id}`, name: one.contactName, via: [one.accountName, one.ownerName || one.teamName].filter(Boolean).join(" · "), time: one.latestAt,
    current: one.id === state.thread, testId: "thread-item",
    last: one.lastMessage ? `${one.lastMessage.direction === "OUTGOING" ? "You: " : ""}${inShort(one.lastMessage)}` : "",
    choose: () => chooseThread(one.id),
  })));
  const open = thread();
  $("agent-head").hidden = !open;
  paintComposer(open);
  paintDetails(open);
  if (!open) return;
  paintFace($("agent-face"), open.contactName);
  $("agent-name").textContent = open.contactName;
  $("agent-note").textContent = [open.accountName, open.inboxName, open.ownerName || "nobody's", open.teamName].filter(Boolean).join(" · ");
  $("thread-toggle").textContent = open.status === "CLOSED" ? "Reopen" : "Close";
  $("thread-toggle").setAttribute("aria-label", open.status === "CLOSED" ? "Reopen thread" : "Close thread");
}

function paintRooms() {
  const several = state.scene.portals.length > 1;
  const rooms = state.scene.portals.flatMap((portal) => portal.inboxes.map((one) => [one.id, several ? `${portal.id}: ${one.name}` : one.name]));
  paintChoice($("room"), [["", "All inboxes"], ...rooms], state.room);
}

export function chooseRoom(id) {
  state.room = id;
  if (thread() && id && thread().inboxId !== id) chooseThread(listed().find((one) => one.status === state.show)?.id ?? null);
  paintThreads();
}

export function chooseShow(status) {
  state.show = status;
  if (thread()?.status !== status) chooseThread(listed().find((one) => one.status === status)?.id ?? null);
  paintThreads();
}

function paintLines() {
  const lines = state.lines.map(lineOf);
  const texts = new Map(lines.map((one) => [one.id, snippet({ ...one, place: one.places[0], card: one.cards[0] })]));
  const quote = (id) => id && texts.has(id) ? { id, words: texts.get(id) || "An earlier message" } : null;
  paintStream($("agent-stream"), lines.map((one) => ({ ...one, quote: quote(one.quote) })), "agent-bubble");
  const box = $("agent-empty");
  if (thread()) return box.replaceChildren();
  if (state.threads.length) empty(box, "inbox", state.show === "OPEN" ? "All done" : "No closed threads", state.show === "OPEN" ? "Every thread is closed. A new message opens one again." : "Threads that you close wait here.");
  else empty(box, "inbox", "The inbox is empty", "Write something as the customer: the relay brings it here, and your answer back.");
}

function inShort(line) {
  const held = heldBy(line.attachments ?? []);
  return snippet({ text: line.text, ...held, place: held.places[0], card: held.cards[0] });
}

function lineOf(line) {
  const own = line.direction === "OUTGOING";
  const common = { id: line.id, own, time: Date.parse(line.createdAt), ...heldBy(line.attachments ?? []), reactions: [] };
  if (line.type === "THREAD_STATUS_CHANGE") return { ...common, note: true, text: line.newStatus === "CLOSED" ? "Thread closed" : "Thread open again" };
  if (line.type === "ASSIGNMENT") return { ...common, note: true, text: line.assignedTo ? `Given to ${nameOf(line.assignedTo)}` : "Taken from its owner" };
  if (line.type === "THREAD_INBOX_CHANGE") return { ...common, note: true, text: `Moved from ${nameOf(line.fromInboxId)} to ${nameOf(line.toInboxId)}` };
  if (line.type !== "MESSAGE") return { ...common, note: true, text: oneLine(line.text ?? line.type) };
  const untouched = line.statusType === "SENT" && !line.statusPatches.length;
  return {
    ...common, text: line.text ?? "", html: line.viewRichText || null, reply: () => answer(lineOf(line)), who: line.senders?.[0]?.name ?? thread()?.contactName ?? "Customer", quote: line.inReplyToId ?? null,
    status: own ? (untouched ? "WAITING" : line.statusType) : null, statusTestId: "agent-status",
    reason: line.statusType === "FAILED" ? line.failure || "It could not be delivered." : null,
  };
}

const USAGES = { IMAGE: "image", STICKER: "sticker", AUDIO: "audio", VOICE_RECORDING: "voice" };
const MAINS = new Set(["image", "audio", "video"]);

/** What the attachments of a message are to the page. */
function heldBy(attachments) {
  const of = (type) => attachments.filter((one) => one.type === type);
  return {
    attachments: attachments.filter((one) => !SHOWN_APART.has(one.type)).map(fileOf),
    places: of("LOCATION").map(({ latitude, longitude, name = "", address = "", url = "" }) => ({ latitude, longitude, name, address, url })),
    cards: of("CONTACT").map(({ contactProfile }) => cardOf(contactProfile)),
    choices: of("QUICK_REPLIES").flatMap((one) => one.quickReplies).map(({ label, value, valueType }) => ({ label: label || value, url: valueType === "URL" ? value : "" })),
  };
}

const SHOWN_APART = new Set(["LOCATION", "CONTACT", "QUICK_REPLIES", "SOCIAL_MEDIA_METADATA"]);

function cardOf(profile) {
  const { firstName = "", middleName = "", lastName = "" } = profile.name ?? {};
  const values = (list, key) => list.map((one) => one[key]).filter(Boolean);
  return {
    name: [firstName, middleName, lastName].filter(Boolean).join(" "), organisation: [profile.org?.title, profile.org?.company].filter(Boolean).join(", "),
    phones: values(profile.phones, "phone"), emails: values(profile.emails, "email"), links: values(profile.urls, "url"),
  };
}

/** A file by its usage type; one that is used in no special way, by its own type. */
function fileOf(one) {
  const main = one.mime?.split("/")[0];
  const kind = USAGES[one.fileUsageType] ?? (MAINS.has(main) ? main : "file");
  const name = one.name ?? one.text ?? (one.type === "UNSUPPORTED_CONTENT" ? "Something that HubSpot cannot show" : one.type === "FILE" ? "File" : one.type);
  return { kind, name, mime: one.mime, size: one.size, url: one.viewUrl ?? one.url ?? null };
}

export async function toggleThread() {
  const open = thread();
  await post(`threads/${open.id}/${open.status === "CLOSED" ? "reopen" : "close"}`);
  $("announce").textContent = open.status === "CLOSED" ? "Thread reopened" : "Thread closed";
  state.show = open.status === "CLOSED" ? "OPEN" : state.show;
  if (open.status !== "CLOSED") state.thread = null;
  await loadThreads();
}
