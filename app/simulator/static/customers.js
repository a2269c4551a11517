// The customer's side: messengers, conversations, what the customer writes.

import { gathered, get, post } from "./api.js";
import { mark } from "./forms.js";
import { empty, icon, make, paintFace, paintList, paintStream, snippet, toEnd } from "./pieces.js";
import { $, NAMES, SERVICES, state } from "./state.js";
import { forgetBegun, openActs, press, setQuote } from "./writing.js";

export const keyOf = (chat) => `${chat.service}/${chat.account}/${chat.conversation}`;
export const messenger = () => state.messengers.find((one) => `${one.service}/${one.account}` === state.account) ?? null;
export const customer = () => messenger()?.conversations.find((one) => keyOf(one) === state.customer) ?? null;
export const place = (chat) => chat.service === "telegram"
  ? { bot: chat.account, chat_id: Number(chat.conversation) }
  : { account: chat.account, conversation: chat.conversation };

export const loadMessengers = gathered(async () => {
  state.messengers = await get("messengers");
  if (!messenger()) {
    const first = state.messengers.find((one) => one.conversations.length) ?? state.messengers[0];
    state.account = first ? `${first.service}/${first.account}` : null;
  }
  if (!customer()) chooseFirstCustomer();
  paintCustomers();
  await loadBubbles();
});

export const loadBubbles = gathered(async () => {
  const chat = customer();
  const path = chat && (chat.service === "telegram"
    ? `telegram/chats/${chat.account}/${chat.conversation}/messages`
    : `loopback/conversations/${encodeURIComponent(chat.conversation)}/messages?account=${encodeURIComponent(chat.account)}`);
  const bubbles = path ? await get(path) : [];
  if (chat && keyOf(chat) !== state.customer) return loadBubbles();
  state.bubbles = bubbles;
  paintBubbles();
  look();
});

export function chooseFirstCustomer() {
  const chats = [...(messenger()?.conversations ?? [])].sort((a, b) => (b.last?.time ?? 0) - (a.last?.time ?? 0));
  state.customer = chats.length ? keyOf(chats[0]) : null;
}

export function chooseCustomer(key) {
  $("customer-error").textContent = "";
  state.drafts.set(state.customer, $("customer-input").value);
  state.customer = key;
  state.unread.delete(key);
  state.bubbles = [];
  forgetBegun();
  $("customer-input").value = state.drafts.get(key) ?? "";
  $("customer-stream").replaceChildren();
  toEnd($("customer-stream"));
  paintCustomers();
  loadBubbles();
}

export function paintCustomers() {
  const select = $("account");
  select.replaceChildren(...(state.messengers.length
    ? state.messengers.map((one) => make("option", { value: `${one.service}/${one.account}` }, one.name === SERVICES[one.service] ? one.name : `${SERVICES[one.service]}: ${one.name}`))
    : [make("option", {}, "No account yet")]));
  select.disabled = $("add-customer").disabled = !state.messengers.length;
  if (state.account) select.value = state.account;
  const chats = [...(messenger()?.conversations ?? [])].sort((a, b) => (b.last?.time ?? 0) - (a.last?.time ?? 0));
  paintList($("customers"), chats.map((chat) => ({
    key: keyOf(chat), name: chat.name, time: chat.last?.time, current: keyOf(chat) === state.customer, testId: "customer-item",
    last: chat.blocked ? "Blocked" : chat.last ? `${chat.last.mine ? "You: " : ""}${snippet(chat.last)}` : "Nothing written yet",
    choose: () => chooseCustomer(keyOf(chat)),
  })));
  paintCustomerHead();
}

export function paintCustomerHead() {
  const chat = customer();
  $("customer-head").hidden = $("customer-form").hidden = !chat;
  $("add-customer").hidden = false;
  if (!chat) return;
  paintFace($("customer-face"), chat.name);
  $("customer-name").textContent = chat.name;
  $("customer-note").textContent = chat.blocked ? "has blocked us" : `writes to ${messenger().name}`;
  const block = $("block");
  block.setAttribute("aria-pressed", String(chat.blocked));
  block.querySelector("span").textContent = chat.blocked ? "Unblock" : "Block";
  block.setAttribute("aria-label", chat.blocked ? `Let ${messenger().name} write to ${chat.name} again` : `Block ${messenger().name} as ${chat.name}`);
  block.title = chat.blocked ? "Take the bot back" : "Block the bot, as a customer can";
}

export function paintBubbles() {
  const texts = new Map(state.bubbles.map((one) => [one.id, snippet(one)]));
  paintStream($("customer-stream"), state.bubbles.map((one) => ({
    id: one.id, own: one.mine, who: one.sender, text: one.text, time: one.time, edited: one.edited, reason: one.reason,
    entities: one.entities, deleted: one.deleted, attachments: one.attachments, choices: one.choices, reactions: one.reactions,
    places: one.place ? [one.place] : [], cards: one.card ? [one.card] : [],
    quote: one.reply_to ? { id: one.reply_to, words: texts.get(one.reply_to) || "An earlier message" } : null,
    status: one.mine ? null : one.status,
    reply: one.deleted ? null : () => setQuote(one), more: one.deleted ? null : (button) => openActs(one, button), press: press(one),
  })), "customer-bubble");
  const box = $("customer-empty");
  if (state.bubbles.length) return box.replaceChildren();
  const add = () => make("button", { type: "button", class: "button strong", onclick: askForCustomer }, icon("plus"), "New customer");
  if (!state.messengers.length) empty(box, "chat", "No messenger yet", "Loopback and Telegram appear here as soon as an account exists in the simulator.");
  else if (!customer()) empty(box, "chat", "Nobody has written yet", `Start a conversation with ${messenger().name} and write the first message.`, add());
  else empty(box, "chat", `Say hello as ${customer().name}`, "What you write here arrives in the agent's inbox on the other side.");
}

/** The customer has the conversation before their eyes: services with receipts report it as read. */
export const look = gathered(async () => {
  const chat = customer();
  const seen = chat?.service === "loopback" && !document.hidden && $("pane-customer").offsetParent !== null;
  if (seen && state.bubbles.some((one) => !one.mine && one.status !== "read" && one.status !== "failed")) await post("loopback/read", place(chat));
});

export function askForCustomer() {
  const taken = new Set(messenger().conversations.map((one) => one.name));
  $("new-name").value = NAMES.find((name) => !taken.has(name)) ?? "";
  $("new-customer").showModal();
  $("new-name").select();
}

export async function addCustomer() {
  const { service, account } = messenger(), name = $("new-name").value.trim();
  const number = 100_000_000 + Math.floor(Math.random() * 800_000_000);
  const conversation = service === "telegram" ? String(number) : `${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}-${number}`;
  await (service === "telegram"
    ? post("telegram/chats", { bot: account, chat_id: number, user: { id: number, first_name: name } })
    : post("loopback/conversations", { account, conversation, name }));
  state.messengers = await get("messengers");
  chooseCustomer(`${service}/${account}/${conversation}`);
  $("customer-input").focus();
}

export function onCustomerMessage(data) {
  const key = keyOf(data);
  for (const one of state.messengers) {
    for (const chat of one.conversations) if (keyOf(chat) === key && data.kind === "customer_message") chat.last = data.message;
  }
  if (key === state.customer) {
    const index = state.bubbles.findIndex((one) => one.id === data.message.id);
    if (index < 0) state.bubbles.push(data.message);
    else state.bubbles[index] = data.message;
    paintBubbles();
    look();
  } else if (data.kind === "customer_message" && !data.message.mine) {
    state.unread.add(key);
  }
  if (data.kind === "customer_message" && !data.message.mine) mark("customer");
  const known = state.messengers.some((one) => one.conversations.some((chat) => keyOf(chat) === key));
  if (known) paintCustomers();
  else loadMessengers();
}
