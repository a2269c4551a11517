// HubSpot's settings page: opens the connect pop-up in HubSpot's size, notices when it is closed, and follows changes.

const POPUP = "popup,width=600,height=600";
const LOOK_MS = 400;

const windows = [];
const openTokens = () => [...document.querySelectorAll("[data-window][data-open=true]")].map((row) => row.dataset.window);
const connectForms = () => [...document.querySelectorAll("form.connect")];
const keyOf = (form) => `${form.elements.portal.value}/${form.elements.channel.value}`;

/** Opens the pop-up itself, since a form's target opens a tab. */
function openPopup(event) {
  const form = event.target.closest("form.connect");
  if (!form) return;
  const name = `connect-${Date.now()}`;
  const popup = window.open("about:blank", name, POPUP);
  if (!popup) return;
  form.target = name;
  claimTokens();
  watch({ popup, before: new Set(openTokens()), token: null });
}

/** Gives each window the token that came up after it was opened: the earlier window first, none to two. */
function claimTokens() {
  const taken = new Set(windows.map((one) => one.token));
  for (const one of windows) {
    one.token ??= openTokens().find((token) => !one.before.has(token) && !taken.has(token)) ?? null;
    taken.add(one.token);
  }
}

/** HubSpot notices when the admin closes the window. */
function watch(one) {
  windows.push(one);
  const timer = setInterval(async () => {
    claimTokens();
    if (!one.popup.closed) return;
    clearInterval(timer);
    if (openTokens().includes(one.token)) await fetch(`/settings/windows/${one.token}`, { method: "POST", body: new URLSearchParams({ wish: "close" }) });
  }, LOOK_MS);
}

/** Brings the page up to date in place, so that the keyboard and what was chosen stay as they were. */
async function refresh() {
  const answer = await fetch("/settings");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const label = document.activeElement?.getAttribute("aria-label");
  const chosen = new Map(connectForms().map((form) => [keyOf(form), form.elements.inbox.value]));
  document.querySelector("#settings").replaceChildren(...page.querySelector("#settings").childNodes);
  for (const form of connectForms()) if (chosen.has(keyOf(form))) form.elements.inbox.value = chosen.get(keyOf(form));
  if (label) document.querySelector(`[aria-label="${CSS.escape(label)}"]`)?.focus();
}

document.addEventListener("submit", openPopup);
const events = new EventSource("/_sim/events");
for (const kind of ["settings_changed", "seeded", "reset"]) events.addEventListener(kind, refresh);
