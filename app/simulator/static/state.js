// What the page knows, and the elements that it fills.

export const $ = (id) => document.getElementById(id);
export const SERVICES = { loopback: "Loopback", telegram: "Telegram", hubspot: "HubSpot" };
export const NAMES = ["Dana", "Milo", "Aiko", "Ines", "Tariq", "Lena", "Otis", "Yara", "Bruno", "Freya"];

export const state = {
  messengers: [], account: null, customer: null, bubbles: [], attached: [], quote: null, changed: null,
  scene: { portals: [] }, threads: [], thread: null, lines: [], files: [], things: [], answered: null, show: "OPEN", room: "",
  unread: new Set(), tab: "customer", drafts: new Map(), faults: new Map(),
};
