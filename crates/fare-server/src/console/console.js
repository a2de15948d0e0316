// Keeps the page current. The server sends finished parts; this puts them in place.
"use strict";
const at = (id) => document.getElementById(id);
const SPOKEN_EVERY_MS = 10_000;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

// Times arrive in UTC; people read their own. Days other than today are named.
function localTimes(root) {
  const today = day.format(new Date());
  for (const time of root.querySelectorAll("time")) {
    const when = new Date(time.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    const date = day.format(when);
    time.textContent = date === today ? clock.format(when) : `${date}, ${clock.format(when)}`;
  }
}

function link(text, mark) {
  at("link").textContent = text;
  at("link").className = `state ${mark}`;
}

const shown = new Map();
let paused = false;
let waiting = null;
let spokenAt = 0;

function show(parts) {
  for (const id of ["figures", "gates", "conflicts", "journeys"]) {
    if (shown.get(id) === parts[id]) continue;
    shown.set(id, parts[id]);
    at(id).innerHTML = parts[id];
    localTimes(at(id));
  }
  if (parts.spoken !== at("spoken").textContent && Date.now() - spokenAt > SPOKEN_EVERY_MS) {
    at("spoken").textContent = parts.spoken;
    spokenAt = Date.now();
  }
}

at("zone").textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
at("pause").hidden = false;
localTimes(document);
link("connecting", "quiet");

const events = new EventSource("/v1/console/events");
events.addEventListener("open", () => link(paused ? "paused" : "live", paused ? "quiet" : "good"));
events.addEventListener("error", () => link("no connection, trying again", "warn"));
events.addEventListener("page", (event) => {
  const parts = JSON.parse(event.data);
  if (paused) waiting = parts;
  else show(parts);
});

at("pause").addEventListener("click", () => {
  paused = !paused;
  at("pause").setAttribute("aria-pressed", String(paused));
  const open = events.readyState === EventSource.OPEN;
  if (open) link(paused ? "paused" : "live", paused ? "quiet" : "good");
  if (!paused && waiting) {
    show(waiting);
    waiting = null;
  }
});

at("sign-out")?.addEventListener("click", async () => {
  await fetch("/v1/session", { method: "DELETE" });
  location.assign("/login");
});
