// Keeps the page of a station current, tells its gates, finds a rider.
"use strict";
const at = (id) => document.getElementById(id);
const station = document.body.dataset.station;
const SPOKEN_EVERY_MS = 10_000;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

function local(when) {
  const date = day.format(when);
  return date === day.format(new Date()) ? clock.format(when) : `${date}, ${clock.format(when)}`;
}

function localTimes(root) {
  for (const time of root.querySelectorAll("time")) {
    const when = new Date(time.dateTime);
    if (!Number.isNaN(when.getTime())) time.textContent = local(when);
  }
}

function link(text, mark) {
  at("link").textContent = text;
  at("link").className = `state ${mark}`;
}

const ticked = () => [...document.querySelectorAll("input[name=gate]:checked")].map((box) => box.value);
let shown = null;
let helped = null;
let spokenAt = 0;

// Rows are put in anew; what is ticked and what has the focus stays.
function show(parts) {
  if (parts.gates !== shown) {
    const before = new Set(ticked());
    const focused = document.activeElement?.name === "gate" ? document.activeElement.value : null;
    shown = parts.gates;
    at("gates").innerHTML = parts.gates;
    localTimes(at("gates"));
    for (const box of document.querySelectorAll("input[name=gate]")) {
      box.checked = before.has(box.value);
      box.hidden = at("modes").hidden;
      if (box.value === focused) box.focus();
    }
  }
  if (parts.let_through !== helped) {
    helped = parts.let_through;
    at("helped").innerHTML = parts.let_through;
    localTimes(at("helped"));
  }
  if (parts.spoken !== at("spoken").textContent && Date.now() - spokenAt > SPOKEN_EVERY_MS) {
    at("spoken").textContent = parts.spoken;
    spokenAt = Date.now();
  }
}

at("zone").textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
localTimes(document);
for (const box of document.querySelectorAll("input[name=gate]")) box.hidden = at("modes").hidden;
link("connecting", "quiet");

const events = new EventSource(`/v1/stations/${station}/events`);
events.addEventListener("open", () => link("live", "good"));
events.addEventListener("error", () => link("no connection, trying again", "warn"));
events.addEventListener("page", (event) => show(JSON.parse(event.data)));

async function answerOf(asking) {
  const answer = await asking;
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
}

function add(parent, name, text, className) {
  const element = document.createElement(name);
  element.textContent = text;
  if (className) element.className = className;
  parent.append(element);
  return element;
}

at("modes").addEventListener("submit", (event) => {
  event.preventDefault();
  const gates = ticked();
  at("modes-said").textContent = gates.length > 0 ? "" : "Tick the gates that shall change.";
  if (gates.length === 0) return;
  const way = at("direction").value;
  const where = { "": "in both directions", entry: "for entering", exit: "for leaving" }[way];
  at("sure-what").textContent = `${at("mode").value}, ${where}:`;
  at("sure-why").textContent = `Why: ${at("reason").value.trim()}`;
  at("sure-gates").replaceChildren();
  for (const gate of gates) add(at("sure-gates"), "li", gate);
  at("sure").returnValue = "no";
  at("sure").showModal();
});

at("sure").addEventListener("close", async () => {
  if (at("sure").returnValue !== "yes") return;
  const asked = { gates: ticked(), mode: at("mode").value, reason: at("reason").value.trim() };
  if (at("direction").value) asked.direction = at("direction").value;
  const headers = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
  try {
    await answerOf(fetch("/v1/modes", { method: "POST", headers, body: JSON.stringify(asked) }));
    at("modes-said").textContent = "";
    at("reason").value = "";
    for (const box of document.querySelectorAll("input[name=gate]")) box.checked = false;
  } catch (error) {
    at("modes-said").textContent = error.message;
  }
});

const ways = { entry: "in", exit: "out" };

at("help").addEventListener("submit", (event) => {
  event.preventDefault();
  at("help-said").textContent = "";
  at("help-sure-what").textContent = `Gate ${at("help-gate").value} opens once, ${ways[at("help-way").value]}.`;
  at("help-sure-why").textContent = `Why: ${at("help-reason").value.trim()}`;
  at("help-sure").returnValue = "no";
  at("help-sure").showModal();
});

at("help-sure").addEventListener("close", async () => {
  if (at("help-sure").returnValue !== "yes") return;
  const asked = { gate: at("help-gate").value, direction: at("help-way").value, reason: at("help-reason").value.trim() };
  const receipt = at("help-receipt").value.trim();
  if (receipt) asked.receipt = receipt;
  const headers = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
  try {
    await answerOf(fetch("/v1/let-through", { method: "POST", headers, body: JSON.stringify(asked) }));
    at("help-reason").value = "";
    at("help-receipt").value = "";
  } catch (error) {
    at("help-said").textContent = error.message;
    at("help-reason").focus();
  }
});

function money({ minor, currency }) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

function riderCard(rider) {
  const card = document.createElement("article");
  card.className = "rider";
  add(card, "h3", rider.account);
  add(card, "p", rider.advice, "advice");
  const table = add(card, "table", "");
  const head = add(add(table, "thead", ""), "tr", "");
  for (const name of ["When", "Way", "Station", "Gate", "Passage", "Journey", "Fare", "Receipt"]) {
    add(head, "th", name).scope = "col";
  }
  const body = add(table, "tbody", "");
  for (const tap of rider.taps) {
    const row = add(body, "tr", "");
    const receipt = `…${tap.receipt.slice(-8)}`;
    const cells = [local(new Date(tap.at_ms)), tap.direction, tap.station_name, tap.gate, tap.passage,
      tap.journey.replaceAll("-", " "), tap.fare ? money(tap.fare) : "–", receipt];
    for (const cell of cells) add(row, "td", cell);
  }
  return card;
}

at("find").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("find-said").textContent = "";
  at("riders").replaceChildren();
  const asked = new URLSearchParams({ [at("by").value]: at("tail").value.trim() });
  try {
    const { riders } = await answerOf(fetch(`/v1/riders?${asked}`));
    if (riders.length === 0) add(at("riders"), "p", "Nobody who entered within the last two days has these digits.");
    for (const rider of riders) at("riders").append(riderCard(rider));
  } catch (error) {
    at("find-said").textContent = error.message;
    at("tail").focus();
  }
});

at("sign-out")?.addEventListener("click", async () => {
  await fetch("/v1/session", { method: "DELETE" });
  location.assign("/login");
});
