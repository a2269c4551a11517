// The page of the simulator: state comes from /_sim as JSON, changes from /_sim/events; no build step, no libraries.

import { call, post } from "./api.js";
import { sendAsAgent, wireComposer } from "./composer.js";
import {
  addCustomer, askForCustomer, chooseCustomer, chooseFirstCustomer, customer, loadMessengers, look, onCustomerMessage, place,
} from "./customers.js";
import { wireDetails } from "./desk.js";
import { flip, paintFaults, quietly } from "./faults.js";
import { mark, onSubmit, sendOnEnter } from "./forms.js";
import { chooseRoom, chooseShow, loadThreads, toggleThread } from "./inbox.js";
import { settle, toEnd } from "./pieces.js";
import { $, state } from "./state.js";
import { loadSwitches, wireSwitches } from "./switchboard.js";
import { note, recall } from "./wire.js";
import { sendAsCustomer, wireWriting } from "./writing.js";

const RECONNECT_MS = 1000;

const REACTIONS = {
  customer_message: (data) => onCustomerMessage({ ...data, kind: "customer_message" }),
  customer_status: (data) => onCustomerMessage({ ...data, kind: "customer_status" }),
  messenger_changed: () => loadMessengers(),
  message_created: (data) => { if (data.direction === "INCOMING") mark("agent"); loadThreads(); },
  thread_changed: () => loadThreads(),
  status_changed: () => loadThreads(),
  faults_changed: (data) => paintFaults(data.faults),
  switches_changed: () => loadSwitches(),
  settings_changed: () => loadThreads(),
  delivery_attempt: () => {},
  seeded: () => loadAll(),
  reset: () => loadAll(),
};

function loadAll() {
  loadMessengers();
  loadThreads();
  loadSwitches();
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

function showTab(tab) {
  state.tab = document.body.dataset.tab = tab;
  for (const button of document.querySelectorAll(".tab")) button.setAttribute("aria-pressed", String(button.dataset.tab === tab));
  document.querySelector(`.tab[data-tab=${tab}] .dot`).hidden = true;
  document.querySelectorAll(".stream").forEach(toEnd);
  look();
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
onSubmit($("customer-form"), sendAsCustomer);
onSubmit($("agent-form"), sendAsAgent);
sendOnEnter($("customer-input"), $("customer-form"));
sendOnEnter($("agent-input"), $("agent-form"));
$("thread-toggle").addEventListener("click", () => toggleThread().catch((error) => { $("agent-error").textContent = error.message; }));
$("room").addEventListener("change", (event) => chooseRoom(event.target.value));
for (const button of document.querySelectorAll("[data-show]")) button.addEventListener("click", () => chooseShow(button.dataset.show));
for (const button of document.querySelectorAll(".tab")) button.addEventListener("click", () => showTab(button.dataset.tab));
for (const control of document.querySelectorAll("[data-fault]")) control.addEventListener("click", () => flip(control));
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}
$("open-faults").addEventListener("click", () => $("faults").showModal());
$("clear-faults").addEventListener("click", () => quietly(call("DELETE", "faults")));
wireComposer();
wireWriting();
wireDetails();
wireSwitches();
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
