// HubSpot's settings page: opens the connect pop-up in HubSpot's size, notices when it is closed, and follows changes.

const POPUP = "popup,width=600,height=600";
const LOOK_MS = 400;

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
  watch(popup, new Set(openTokens()));
}

/** HubSpot notices when the admin closes the window. Its token is the one that came up after it was opened. */
function watch(popup, before) {
  let token = null;
  const timer = setInterval(async () => {
    token ??= openTokens().find((one) => !before.has(one)) ?? null;
    if (!popup.closed) return;
    clearInterval(timer);
    if (openTokens().includes(token)) await fetch(`/settings/windows/${token}`, { method: "POST", body: new URLSearchParams({ wish: "close" }) });
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
