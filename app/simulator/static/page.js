// The page of the simulator: state comes from /_sim as JSON, changes from /_sim/events; no build step, no libraries.

const $ = (id) => document.getElementById(id);
const SERVICES = { loopback: "Loopback", telegram: "Telegram", hubspot: "HubSpot" };
const NAMES = ["Dana", "Milo", "Aiko", "Ines", "Tariq", "Lena", "Otis", "Yara", "Bruno", "Freya"];
const RECONNECT_MS = 1000;
const WIRE_LINES = 200;
const RECALLED = 50;

const state = {
  messengers: [], account: null, customer: null, bubbles: [], picture: null, quote: null,
  threads: [], thread: null, lines: [], show: "OPEN",
  unread: new Set(), tab: "customer", drafts: new Map(), faults: new Map(),
};

// ---------------------------------------------------------------- talking to the simulator

async function call(method, path, body) {
  const response = await fetch(`/_sim/${path}`, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  let answer = null;
  try { answer = text ? JSON.parse(text) : null; } catch { /* an error page: its status is all there is to say */ }
  if (!response.ok) throw new Error(answer?.message ?? answer?.error ?? `The simulator answered ${response.status}.`);
  return answer;
}

const get = (path) => call("GET", path);
const post = (path, body = {}) => call("POST", path, body);

/** Runs `task` soon, once, however often it is asked for meanwhile; and again if it is asked for while running. */
function gathered(task) {
  let running = false, wanted = false;
  return async function ask() {
    wanted = true;
    if (running) return;
    running = true;
    while (wanted) {
      wanted = false;
      try { await task(); } catch (error) { console.warn(error); }
    }
    running = false;
  };
}

// ---------------------------------------------------------------- small pieces of the page

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

function paintFace(element, name) {
  const words = name.trim().split(/\s+/);
  element.textContent = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...word][0] ?? "").join("").toUpperCase();
  let hue = 0;
  for (const letter of name) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  element.style.setProperty("--hue", hue);
  return element;
}

const face = (name) => paintFace(make("span", { class: "face", "aria-hidden": "true" }), name);
const clock = (time, more = {}) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...more });
const oneLine = (text) => text.replace(/\s+/g, " ").trim();
const snippet = (message) => oneLine(message.text) || (message.attachments?.length ? "Picture or file" : "");

function dayOf(time) {
  const day = new Date(time).toDateString();
  return day === new Date().toDateString() ? "Today" : new Date(time).toLocaleDateString([], { day: "numeric", month: "long" });
}

function empty(place, symbol, title, words, action = null) {
  place.replaceChildren(
    make("span", { class: "badge", "aria-hidden": "true" }, icon(symbol)),
    make("strong", {}, title), make("p", {}, words), action ?? "",
  );
}

const STATUSES = {
  sent: ["check", "Sent"], delivered: ["checks", "Delivered"], read: ["checks", "Read"], failed: ["warn", "Failed"],
  WAITING: ["clock", "Sending"], SENT: ["check", "Sent"], READ: ["checks", "Read"], FAILED: ["warn", "Not delivered"],
};

/** One message of either pane: {id, own, who, text, time, quote, status, reason, edited, attachments, note}. */
function turn(message, testId) {
  const classes = ["turn", message.own ? "own" : "", message.same ? "same" : "", message.reason || /failed/i.test(message.status ?? "") ? "failed" : ""];
  const bubble = make("div", { class: "bubble", "data-testid": testId, "data-direction": message.own ? "out" : "in", "data-message": message.id },
    make("span", { class: "who" }, message.own ? "" : message.who),
    message.quote ? make("span", { class: "quote" }, message.quote) : null,
    ...message.attachments.map(attachment),
    message.text ? make("span", { class: "text" }, message.text) : null,
    foot(message),
  );
  const item = make("li", { class: classes.filter(Boolean).join(" "), "data-key": message.id }, bubble);
  if (message.reply) item.append(make("button", { type: "button", class: "again", "aria-label": `Reply to: ${snippet(message)}`, title: "Reply", onclick: message.reply }, icon("reply")));
  return item;
}

function foot(message) {
  const [symbol, words] = STATUSES[message.status] ?? [];
  const status = symbol && make("span", { class: "status", "data-status": message.status, "data-testid": message.statusTestId }, icon(symbol), words);
  return make("div", { class: "foot" },
    make("span", { class: "meta" }, message.edited ? "edited" : null, make("time", {}, clock(message.time)), status || null),
    message.reason ? make("p", { class: "reason" }, icon("warn"), make("span", {}, message.reason)) : null,
  );
}

function attachment(one) {
  if (one.kind === "image" && one.url) {
    const picture = make("img", { src: one.url, alt: one.name || "Picture", onload: () => settle(picture.closest(".stream")) });
    return make("a", { href: one.url, target: "_blank", rel: "noopener" }, picture);
  }
  return make("a", { class: "file", href: one.url, target: "_blank", rel: "noopener" }, icon("picture"), one.name || "File");
}

function toEnd(stream) {
  stream.atEnd = true;
  settle(stream);
}

/** Pictures grow when they arrive: a reader at the end of the conversation stays there. */
function settle(stream) {
  if (stream?.atEnd) stream.scrollTop = stream.scrollHeight;
}

/** Brings a conversation up to date, touching only what changed, so that screen readers hear only that. */
function paintStream(place, messages, testId) {
  const wanted = [];
  let day = "", previous = null;
  for (const message of messages) {
    if (dayOf(message.time) !== day) {
      day = dayOf(message.time);
      wanted.push({ key: `day-${day}`, build: () => make("li", { class: "day", "data-key": `day-${wanted.length}` }, dayOf(message.time)) });
      previous = null;
    }
    if (message.note) {
      wanted.push({ key: message.id, sign: message.text, build: () => make("li", { class: "event", "data-key": message.id }, message.text) });
      previous = null;
      continue;
    }
    message.same = previous !== null && previous.own === message.own && previous.who === message.who;
    previous = message;
    const { status, reason, reply, ...fixed } = message;
    wanted.push({ key: message.id, sign: JSON.stringify(fixed), sure: `${status}|${reason}`, message, build: () => turn(message, testId) });
  }
  const old = new Map([...place.children].map((child) => [child.key, child]));
  const kept = new Set(wanted.map((one) => one.key));
  for (const [key, child] of old) if (!kept.has(key)) child.remove();
  wanted.forEach((one, index) => {
    let child = old.get(one.key);
    if (child && child.sign === one.sign && child.sure !== one.sure) {
      child.querySelector(".foot").replaceWith(foot(one.message));
      child.classList.toggle("failed", Boolean(one.message.reason) || /failed/i.test(one.message.status ?? ""));
    } else if (!child || child.sign !== one.sign) {
      const fresh = one.build();
      child?.replaceWith(fresh);
      child = fresh;
    }
    Object.assign(child, { key: one.key, sign: one.sign, sure: one.sure });
    if (place.children[index] !== child) place.insertBefore(child, place.children[index] ?? null);
  });
  settle(place);
}

function paintList(place, rows) {
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  place.replaceChildren(...rows.map((row) => make("li", {},
    make("button", {
      type: "button", class: "item", "data-key": row.key, "data-testid": row.testId, "data-unread": String(state.unread.has(row.key)),
      "aria-current": row.current ? "true" : null, onclick: row.choose,
    }, face(row.name), make("strong", {}, row.name), row.via && make("small", { class: "via" }, row.via), make("time", {}, row.time ? clock(row.time) : ""), make("span", { class: "last" }, row.last)),
  )));
  if (focused) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

// ---------------------------------------------------------------- the customer's side

const keyOf = (chat) => `${chat.service}/${chat.account}/${chat.conversation}`;
const messenger = () => state.messengers.find((one) => `${one.service}/${one.account}` === state.account) ?? null;
const customer = () => messenger()?.conversations.find((one) => keyOf(one) === state.customer) ?? null;
const place = (chat) => chat.service === "telegram"
  ? { bot: chat.account, chat_id: Number(chat.conversation) }
  : { account: chat.account, conversation: chat.conversation };

const loadMessengers = gathered(async () => {
  state.messengers = await get("messengers");
  if (!messenger()) {
    const first = state.messengers.find((one) => one.conversations.length) ?? state.messengers[0];
    state.account = first ? `${first.service}/${first.account}` : null;
  }
  if (!customer()) chooseFirstCustomer();
  paintCustomers();
  await loadBubbles();
});

const loadBubbles = gathered(async () => {
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

function chooseFirstCustomer() {
  const chats = [...(messenger()?.conversations ?? [])].sort((a, b) => (b.last?.time ?? 0) - (a.last?.time ?? 0));
  state.customer = chats.length ? keyOf(chats[0]) : null;
}

function chooseCustomer(key) {
  $("customer-error").textContent = "";
  state.drafts.set(state.customer, $("customer-input").value);
  state.customer = key;
  state.unread.delete(key);
  state.bubbles = [];
  setPicture(null);
  setQuote(null);
  $("customer-input").value = state.drafts.get(key) ?? "";
  $("customer-stream").replaceChildren();
  toEnd($("customer-stream"));
  paintCustomers();
  loadBubbles();
}

function paintCustomers() {
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

function paintCustomerHead() {
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

function paintBubbles() {
  const texts = new Map(state.bubbles.map((one) => [one.id, snippet(one)]));
  paintStream($("customer-stream"), state.bubbles.map((one) => ({
    id: one.id, own: one.mine, who: one.sender, text: one.text, time: one.time, edited: one.edited, reason: one.reason,
    quote: one.reply_to ? texts.get(one.reply_to) ?? "An earlier message" : null,
    status: one.mine ? null : one.status, attachments: one.attachments,
    reply: () => setQuote(one),
  })), "customer-bubble");
  const box = $("customer-empty");
  if (state.bubbles.length) return box.replaceChildren();
  const add = () => make("button", { type: "button", class: "button strong", onclick: askForCustomer }, icon("plus"), "New customer");
  if (!state.messengers.length) empty(box, "chat", "No messenger yet", "Loopback and Telegram appear here as soon as an account exists in the simulator.");
  else if (!customer()) empty(box, "chat", "Nobody has written yet", `Start a conversation with ${messenger().name} and write the first message.`, add());
  else empty(box, "chat", `Say hello as ${customer().name}`, "What you write here arrives in the agent's inbox on the other side.");
}

function setPicture(picture) {
  state.picture = picture;
  paintChips();
}

function setQuote(bubble) {
  state.quote = bubble;
  paintChips();
  if (bubble) $("customer-input").focus();
}

function paintChips() {
  const drop = (label, action) => make("button", { type: "button", class: "icon", "aria-label": label, onclick: action }, icon("close"));
  $("customer-chips").replaceChildren(...[
    state.quote && make("div", { class: "chip" }, icon("reply"), make("span", {}, snippet(state.quote)), drop("Do not reply to this message", () => setQuote(null))),
    state.picture && make("div", { class: "chip" }, make("img", { src: state.picture.url, alt: "" }), make("span", {}, state.picture.name), drop("Remove the picture", () => setPicture(null))),
  ].filter(Boolean));
}

async function readPicture(file) {
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  setPicture({ name: file.name, mime: file.type || "image/png", url, base64: url.slice(url.indexOf(",") + 1) });
  $("customer-input").focus();
}

function speak(chat, text) {
  const { picture, quote } = state;
  if (chat.service === "loopback") {
    const attachments = picture ? [{ name: picture.name, mime: picture.mime, base64: picture.base64 }] : [];
    return post("loopback/say", { ...place(chat), text, reply_to: quote?.id ?? null, attachments });
  }
  const reply = { reply_to: Number(quote?.id ?? 0) };
  if (!picture) return post("telegram/say", { ...place(chat), ...reply, text });
  return post("telegram/send-kind", { ...place(chat), ...reply, kind: "photo", caption: text, base64: picture.base64, name: picture.name });
}

async function sendAsCustomer() {
  const input = $("customer-input"), chat = customer(), text = input.value.trim();
  if (!chat || (!text && !state.picture)) return;
  await submit($("customer-form"), $("customer-error"), () => speak(chat, text));
  if ($("customer-error").textContent) return;
  input.value = "";
  setPicture(null);
  setQuote(null);
  toEnd($("customer-stream"));
}

/** The customer has the conversation before their eyes: services with receipts report it as read. */
const look = gathered(async () => {
  const chat = customer();
  const seen = chat?.service === "loopback" && !document.hidden && $("pane-customer").offsetParent !== null;
  if (seen && state.bubbles.some((one) => !one.mine && one.status !== "read" && one.status !== "failed")) await post("loopback/read", place(chat));
});

function askForCustomer() {
  const taken = new Set(messenger().conversations.map((one) => one.name));
  $("new-name").value = NAMES.find((name) => !taken.has(name)) ?? "";
  $("new-customer").showModal();
  $("new-name").select();
}

async function addCustomer() {
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

function onCustomerMessage(data) {
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

// ---------------------------------------------------------------- the agent's side

const thread = () => state.threads.find((one) => one.id === state.thread) ?? null;

const loadThreads = gathered(async () => {
  const before = new Map(state.threads.map((one) => [one.id, one.lastMessage?.id]));
  state.threads = (await get("threads")).sort((a, b) => b.latestAt.localeCompare(a.latestAt));
  for (const one of state.threads) {
    const news = before.size && one.lastMessage && before.get(one.id) !== one.lastMessage.id;
    if (news && one.lastMessage.direction === "INCOMING" && one.id !== state.thread) state.unread.add(`thread/${one.id}`);
  }
  if (thread()) state.show = thread().status;
  else state.thread = state.threads.find((one) => one.status === state.show)?.id ?? null;
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

function chooseThread(id) {
  $("agent-error").textContent = "";
  state.drafts.set(state.thread, $("agent-input").value);
  state.thread = id;
  state.unread.delete(`thread/${id}`);
  state.lines = [];
  $("agent-input").value = state.drafts.get(id) ?? "";
  $("agent-stream").replaceChildren();
  toEnd($("agent-stream"));
  paintThreads();
  loadLines();
}

function paintThreads() {
  for (const button of document.querySelectorAll("[data-show]")) {
    button.setAttribute("aria-pressed", String(button.dataset.show === state.show));
    button.querySelector("b").textContent = state.threads.filter((one) => one.status === button.dataset.show).length;
  }
  paintList($("threads"), state.threads.filter((one) => one.status === state.show).map((one) => ({
    key: `thread/${one.id}`, name: one.contactName, via: one.accountName, time: one.latestAt, current: one.id === state.thread, testId: "thread-item",
    last: one.lastMessage ? `${one.lastMessage.direction === "OUTGOING" ? "You: " : ""}${snippet(one.lastMessage)}` : "",
    choose: () => chooseThread(one.id),
  })));
  const open = thread();
  $("agent-head").hidden = !open;
  $("agent-form").hidden = !open || open.status === "CLOSED";
  $("agent-closed").hidden = open?.status !== "CLOSED";
  if (!open) return;
  paintFace($("agent-face"), open.contactName);
  $("agent-name").textContent = open.contactName;
  $("agent-note").textContent = [open.accountName, open.inboxName, open.status === "CLOSED" ? "closed" : ""].filter(Boolean).join(" · ");
  $("thread-toggle").textContent = open.status === "CLOSED" ? "Reopen" : "Close thread";
}

function paintLines() {
  const texts = new Map(state.lines.map((one) => [one.id, snippet({ text: one.text ?? "", attachments: one.attachments })]));
  paintStream($("agent-stream"), state.lines.map(lineOf).map((one) => ({ ...one, quote: one.quote ? texts.get(one.quote) ?? null : null })), "agent-bubble");
  const box = $("agent-empty");
  if (thread()) return box.replaceChildren();
  if (state.threads.length) empty(box, "inbox", state.show === "OPEN" ? "All done" : "No closed threads", state.show === "OPEN" ? "Every thread is closed. A new message opens one again." : "Threads that you close wait here.");
  else empty(box, "inbox", "The inbox is empty", "Write something as the customer: the relay brings it here, and your answer back.");
}

function lineOf(line) {
  const own = line.direction === "OUTGOING";
  const common = { id: line.id, own, time: Date.parse(line.createdAt), attachments: (line.attachments ?? []).map(fileOf) };
  if (line.type === "THREAD_STATUS_CHANGE") return { ...common, note: true, text: line.newStatus === "CLOSED" ? "Thread closed" : "Thread open again" };
  if (line.type !== "MESSAGE") return { ...common, note: true, text: oneLine(line.text ?? line.type) };
  const untouched = line.statusType === "SENT" && !line.statusPatches.length;
  return {
    ...common, text: line.text ?? "", who: line.senders?.[0]?.name ?? thread()?.contactName ?? "Customer", quote: line.inReplyToId ?? null,
    status: own ? (untouched ? "WAITING" : line.statusType) : null, statusTestId: "agent-status",
    reason: line.statusType === "FAILED" ? line.failure || "It could not be delivered." : null,
  };
}

function fileOf(one) {
  const image = one.mime?.startsWith("image/") || one.fileUsageType === "IMAGE" || one.fileUsageType === "STICKER";
  return { kind: image ? "image" : "file", name: one.name ?? (one.type === "FILE" ? "File" : one.type), url: one.viewUrl ?? one.url ?? null };
}

async function sendAsAgent() {
  const input = $("agent-input"), text = input.value.trim(), id = state.thread;
  if (!id || !text) return;
  await submit($("agent-form"), $("agent-error"), () => post(`threads/${id}/reply`, { text }));
  if ($("agent-error").textContent) return;
  input.value = "";
  await loadThreads();
  toEnd($("agent-stream"));
}

async function toggleThread() {
  const open = thread();
  await post(`threads/${open.id}/${open.status === "CLOSED" ? "reopen" : "close"}`);
  $("announce").textContent = open.status === "CLOSED" ? "Thread reopened" : "Thread closed";
  state.show = open.status === "CLOSED" ? "OPEN" : state.show;
  if (open.status !== "CLOSED") state.thread = null;
  await loadThreads();
}

// ---------------------------------------------------------------- faults

function paintFaults(rules) {
  state.faults = new Map(rules.map((rule) => [rule.id, rule]));
  $("fault-count").hidden = $("clear-faults").hidden = !rules.length;
  $("fault-count").textContent = rules.length;
  $("open-faults").setAttribute("aria-label", rules.length ? `Faults, ${rules.length} in force` : "Faults");
  const active = new Set(rules.map((rule) => rule.id));
  for (const control of document.querySelectorAll(".switch")) control.setAttribute("aria-checked", String(active.has(ruleId(control))));
  const rows = rules.map((rule) => make("li", {},
    make("span", { class: "grow" }, titleOf(rule), make("small", {}, `${struck(rule.hits)}, ${rule.remaining === null ? "until switched off" : `${rule.remaining} to go`}`)),
    make("button", { type: "button", class: "icon", "aria-label": `Switch off: ${titleOf(rule)}`, onclick: () => quietly(call("DELETE", `faults/${rule.id}`)) }, icon("close")),
  ));
  $("active-faults").replaceChildren(...(rows.length ? rows : [make("li", { class: "none" }, "Nothing. Every service behaves.")]));
}

const ruleId = (control) => `${control.dataset.api}-${control.dataset.fault}`;
const struck = (hits) => hits === 0 ? "has not struck yet" : hits === 1 ? "struck once" : `struck ${hits} times`;

function titleOf(rule) {
  const control = [...document.querySelectorAll(".switch")].find((one) => ruleId(one) === rule.id);
  const name = control ? control.getAttribute("aria-label").split(" at ")[0] : rule.fault.kind.replaceAll("_", " ");
  return `${SERVICES[rule.api]}: ${name.toLowerCase()}`;
}

function flip(control) {
  const id = ruleId(control);
  if (control.getAttribute("aria-checked") === "true") return quietly(call("DELETE", `faults/${id}`));
  const times = document.querySelector("[name=times]:checked").value;
  return quietly(post("faults", { id, api: control.dataset.api, times: times ? Number(times) : null, fault: JSON.parse(control.dataset.rule) }));
}

/** A rule may use itself up while its switch is pressed; the list is right in any case. */
const quietly = (promise) => promise.catch(() => null).then(async () => paintFaults(await get("faults")));

// ---------------------------------------------------------------- what happens on the wire

const WIRE = {
  delivery_attempt: (data) => {
    const result = data.status === null ? data.error || data.outcome : data.status;
    const again = data.outcome === "retry" ? ", will be sent again" : data.number > 1 ? `, attempt ${data.number}` : "";
    return [`Webhook ${SERVICES[data.api]} to relay: ${data.label.replace(/^(loopback|telegram) /, "").replaceAll("_", " ").toLowerCase()} → ${result} in ${Math.round(data.seconds * 1000)} ms${again}`, data.outcome === "done" ? "good" : "bad"];
  },
  customer_message: (data) => [data.message.mine ? `${data.message.sender} wrote in ${SERVICES[data.service]}` : `${SERVICES[data.service]} took a message of the relay`],
  customer_status: (data) => [`${SERVICES[data.service]} message ${data.message.edited ? "edited" : data.message.status}`],
  message_created: (data) => data.type === "MESSAGE" ? [data.direction === "INCOMING" ? "HubSpot took a message of the relay" : "The agent answered in HubSpot"] : null,
  status_changed: (data) => [`HubSpot was told: ${data.status}${data.failure ? ` (${data.failure})` : ""}`, data.status === "FAILED" ? "bad" : "good"],
  faults_changed: (data) => faultNews(data.faults),
};

/** What became of the faults since they were painted last: began, struck, or are over. */
function faultNews(rules) {
  const now = new Map(rules.map((rule) => [rule.id, rule]));
  const begun = rules.filter((rule) => !state.faults.has(rule.id)).map((rule) => `${titleOf(rule)}, in force`);
  const hit = rules.filter((rule) => rule.hits > (state.faults.get(rule.id)?.hits ?? 0)).map((rule) => `${titleOf(rule)}, ${struck(rule.hits)}`);
  const over = [...state.faults.values()].filter((rule) => !now.has(rule.id)).map((rule) => `${titleOf(rule)}, over`);
  const news = [...begun, ...hit, ...over];
  return news.length ? [news.join("; "), begun.length || hit.length ? "bad" : ""] : null;
}

function note(kind, data, at = Date.now()) {
  const line = WIRE[kind]?.(data);
  if (!line) return;
  const [words, mood] = line;
  $("wire-last").textContent = words;
  $("wire-log").prepend(make("li", {}, make("time", {}, clock(at, { second: "2-digit" })), make("span", { class: mood || null, title: words }, words)));
  while ($("wire-log").childElementCount > WIRE_LINES) $("wire-log").lastElementChild.remove();
}

// ---------------------------------------------------------------- live updates

const REACTIONS = {
  customer_message: (data) => onCustomerMessage({ ...data, kind: "customer_message" }),
  customer_status: (data) => onCustomerMessage({ ...data, kind: "customer_status" }),
  messenger_changed: () => loadMessengers(),
  message_created: (data) => { if (data.direction === "INCOMING") mark("agent"); loadThreads(); },
  thread_changed: () => loadThreads(),
  status_changed: () => loadThreads(),
  faults_changed: (data) => paintFaults(data.faults),
  delivery_attempt: () => {},
  seeded: () => loadAll(),
  reset: () => loadAll(),
};

/** What was posted before the page was opened. */
async function recall() {
  const { attempts } = await get("deliveries");
  for (const attempt of attempts.slice(-RECALLED)) note("delivery_attempt", attempt, attempt.at * 1000);
}

function loadAll() {
  loadMessengers();
  loadThreads();
  quietly(Promise.resolve());
}

function setLive(name, words) {
  $("live").dataset.state = name;
  $("live").lastElementChild.textContent = words;
}

/** Follows the events. Reconnects by itself from "now", since a restarted simulator counts its events from one. */
function follow() {
  const source = new EventSource("/_sim/events");
  source.onopen = () => { setLive("live", "Live"); loadAll(); };
  source.onerror = () => {
    source.close();
    setLive("lost", "Reconnecting");
    setTimeout(follow, RECONNECT_MS);
  };
  for (const [kind, react] of Object.entries(REACTIONS)) {
    source.addEventListener(kind, (event) => {
      const data = JSON.parse(event.data);
      note(kind, data);
      react(data);
    });
  }
}

// ---------------------------------------------------------------- wiring

async function submit(form, error, send) {
  const button = form.querySelector("[type=submit]");
  if (button.disabled) return;
  button.disabled = true;
  error.textContent = "";
  try { await send(); } catch (problem) { error.textContent = problem.message || "That did not work."; }
  button.disabled = false;
}

function mark(tab) {
  if (state.tab !== tab) document.querySelector(`.tab[data-tab=${tab}] .dot`).hidden = false;
}

function showTab(tab) {
  state.tab = document.body.dataset.tab = tab;
  for (const button of document.querySelectorAll(".tab")) button.setAttribute("aria-pressed", String(button.dataset.tab === tab));
  document.querySelector(`.tab[data-tab=${tab}] .dot`).hidden = true;
  document.querySelectorAll(".stream").forEach(toEnd);
  look();
}

/** Enter sends where there is a keyboard; on touch screens it makes a new line, and the button sends. */
function sendOnEnter(input, form) {
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || matchMedia("(pointer: coarse)").matches) return;
    event.preventDefault();
    form.requestSubmit();
  });
}

function onSubmit(form, action) {
  form.addEventListener("submit", (event) => { event.preventDefault(); action(); });
}

$("account").addEventListener("change", (event) => {
  state.account = event.target.value;
  chooseFirstCustomer();
  chooseCustomer(state.customer);
});
$("add-customer").addEventListener("click", askForCustomer);
$("new-customer-form").addEventListener("submit", () => addCustomer().catch((error) => { $("customer-error").textContent = error.message; }));
$("block").addEventListener("click", () => {
  const chat = customer();
  post(`${chat.service}/${chat.blocked ? "unblock" : "block"}`, place(chat)).then(loadMessengers).catch((error) => { $("customer-error").textContent = error.message; });
});
$("picture-button").addEventListener("click", () => $("picture").click());
$("picture").addEventListener("change", (event) => {
  if (event.target.files[0]) readPicture(event.target.files[0]).catch(() => { $("customer-error").textContent = "The picture cannot be read."; });
  event.target.value = "";
});
onSubmit($("customer-form"), sendAsCustomer);
onSubmit($("agent-form"), sendAsAgent);
sendOnEnter($("customer-input"), $("customer-form"));
sendOnEnter($("agent-input"), $("agent-form"));
$("thread-toggle").addEventListener("click", () => toggleThread().catch((error) => { $("agent-error").textContent = error.message; }));
for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => {
    state.show = button.dataset.show;
    if (thread()?.status !== state.show) chooseThread(state.threads.find((one) => one.status === state.show)?.id ?? null);
    paintThreads();
  });
}
for (const button of document.querySelectorAll(".tab")) button.addEventListener("click", () => showTab(button.dataset.tab));
for (const control of document.querySelectorAll(".switch")) control.addEventListener("click", () => flip(control));
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}
$("open-faults").addEventListener("click", () => $("faults").showModal());
$("clear-faults").addEventListener("click", () => quietly(call("DELETE", "faults")));
$("wire-toggle").addEventListener("click", () => {
  const open = $("wire-log").hidden;
  $("wire-log").hidden = !open;
  $("wire-toggle").setAttribute("aria-expanded", String(open));
});
for (const stream of document.querySelectorAll(".stream")) {
  toEnd(stream);
  stream.lastTop = 0;
  // Only a reader leaves the end: content that grows must not, and it grows before this event comes.
  stream.addEventListener("scroll", () => {
    const near = stream.scrollHeight - stream.scrollTop - stream.clientHeight < 80;
    stream.atEnd = near || (stream.atEnd && stream.scrollTop >= stream.lastTop);
    stream.lastTop = stream.scrollTop;
  });
  new ResizeObserver(() => settle(stream)).observe(stream);
}
document.addEventListener("visibilitychange", () => look());

recall().catch(() => null).then(follow);
