// The lane's screen. The daemon sends what is to be seen; this draws, sounds, and says when it is gone.
"use strict";

const SILENCE_MAX_MS = 6000; // three beats of the daemon
const REOPEN_MS = 500;
const TURN_MS = 2500;        // each language's turn, when they take turns
const HINT_MS = 5000;
const RECEIPT_MS = 8000;    // after the rider has gone
const WAIT_AFTER_MS = 150;   // a record is usually written sooner

const GONE = { view: "out-of-service" };
const page = document.documentElement;
const words = document.getElementById("words");
const number = document.getElementById("number");
const paper = document.getElementById("receipt");

let look = null;
let screen = GONE;
let turn = 0;
let build = null;
let heard = Date.now();
let source = null;
let later = 0; // timer of what changes by itself
let kept = 0;  // timer of the receipt

// -- what is said -------------------------------------------------------------------------------

function money(fare, tag) {
  const style = new Intl.NumberFormat(tag, { style: "currency", currency: fare.currency, currencyDisplay: "narrowSymbol" });
  return style.format(fare.minor / 10 ** style.resolvedOptions().maximumFractionDigits);
}

function time(ms, tag) {
  return new Intl.DateTimeFormat(tag, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ms);
}

// Lines of one language: [class, text].
function lines(language) {
  const { say, tag } = language;
  switch (screen.view) {
    case "admitted": {
      if (screen.direction === "entry") return [["", say.entry]];
      if (!screen.fare) return [["", say["fare-follows"]]];
      const as_of = screen.as_of_ms && [["small", say["as-of"].replace("{time}", time(screen.as_of_ms, tag))]];
      const left = screen.balance && [["small", say.balance.replace("{amount}", money(screen.balance, tag))]];
      return [["fare", money(screen.fare, tag)], ...paid(say), ["", say.exit], ...(left || []), ...(as_of || [])];
    }
    case "refused": return [["", language.refusal[screen.number]]];
    case "ready": return [["", (screen.hint && language.hint[screen.hint]) || say.ready]];
    default: return [["", say[screen.view]]];
  }
}

// By which products the fare is paid.
function paid(say) {
  const { pass, rides_left, coupon } = screen.by ?? {};
  const rides = typeof rides_left === "number" && say["multi-ride"].replace("{left}", rides_left);
  const all = [pass && say.pass, rides, coupon && say.coupon];
  return all.filter(Boolean).map((text) => ["by", text]);
}

function block(language, without) {
  const div = document.createElement("div");
  div.lang = language.tag;
  div.dir = language.direction;
  for (const [kind, text] of lines(language)) {
    // The amount reads the same in every language: once is enough.
    if (kind === "fare" && without) continue;
    const line = document.createElement("p");
    line.className = kind;
    line.textContent = text;
    div.append(line);
  }
  return div;
}

// -- what is seen -------------------------------------------------------------------------------

function draw() {
  page.dataset.view = screen.view;
  number.textContent = screen.view === "refused" ? screen.number : "";
  keep();
  if (!look) return;
  const all = look.languages;
  const shown = look.together ? all : [all[turn % all.length]];
  page.lang = shown[0].tag;
  words.replaceChildren(...shown.map((language, place) => block(language, place > 0)));
  fit();
}

// The receipt stays a while after its rider was let in, unless the next one comes.
function keep() {
  if (screen.receipt) {
    clearTimeout(kept);
    kept = 0;
    print(screen.receipt);
  } else if (screen.view !== "ready") {
    clearTimeout(kept);
    kept = 0;
    paper.hidden = true;
  } else if (!paper.hidden && !kept) {
    kept = setTimeout(() => { kept = 0; paper.hidden = true; page.classList.remove("receipt"); fit(); }, RECEIPT_MS);
  }
  page.classList.toggle("receipt", !paper.hidden);
}

function print({ size, modules }) {
  const quiet = 4;
  paper.width = paper.height = size + 2 * quiet;
  const pen = paper.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, paper.width, paper.height);
  pen.fillStyle = "#000";
  for (let place = 0; place < modules.length; place += 1) {
    if (modules[place] === "1") pen.fillRect(quiet + place % size, quiet + Math.floor(place / size), 1, 1);
  }
  paper.hidden = false;
}

// The largest type in which everything has room.
function fit() {
  let [low, high] = [16, Math.round(Math.min(innerWidth, innerHeight) / 3)];
  const has_room = (size) => {
    words.style.setProperty("--size", `${size}px`);
    return words.scrollHeight <= words.clientHeight && words.scrollWidth <= words.clientWidth;
  };
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (has_room(middle)) low = middle; else high = middle - 1;
  }
  has_room(low);
}

function show(next) {
  const before = screen;
  screen = next;
  turn = 0;
  draw();
  sound(before, next);
  clearTimeout(later);
  if (next.view === "ready" && next.hint) later = setTimeout(() => show({ ...next, hint: null }), HINT_MS);
}

// -- what is heard ------------------------------------------------------------------------------

let audio = null;

// Notes: [Hz, start s, length s, wave].
const TUNES = {
  admitted: [[880, 0, .09, "sine"], [1319, .1, .16, "sine"]],
  refused: [[196, 0, .18, "square"], [196, .26, .3, "square"]],
  hint: [[587, 0, .12, "triangle"]],
};

function sound(before, next) {
  if (!look || !look.sounds) return;
  const tune = next.view === "ready" ? next.hint && TUNES.hint : next.view !== before.view && TUNES[next.view];
  if (!tune) return;
  try {
    audio ??= new AudioContext();
    audio.resume();
    for (const [hz, start, length, wave] of tune) {
      const [voice, volume] = [audio.createOscillator(), audio.createGain()];
      const at = audio.currentTime + start;
      voice.type = wave;
      voice.frequency.value = hz;
      volume.gain.setValueAtTime(wave === "square" ? .25 : .6, at);
      volume.gain.exponentialRampToValueAtTime(.001, at + length);
      voice.connect(volume).connect(audio.destination);
      voice.start(at);
      voice.stop(at + length);
    }
  } catch (error) {
    console.warn("no sound", error);
  }
}

// -- what is told by the daemon ------------------------------------------------------------------

function take(event) {
  heard = Date.now();
  const next = JSON.parse(event.data);
  if (next.view !== "wait") {
    show(next);
    told(next);
    return;
  }
  clearTimeout(later);
  later = setTimeout(() => show(next), WAIT_AFTER_MS);
}

// How long it took from the lane's decision until the picture was handed to the screen.
function told(next) {
  requestAnimationFrame(() => setTimeout(() => {
    page.dataset.change = next.change;
    page.dataset.lagMs = Date.now() - next.at_ms;
  }));
}

function gone() {
  if (screen !== GONE) show(GONE);
}

async function open() {
  if (source) source.close();
  source = new EventSource("/events");
  source.addEventListener("screen", take);
  source.addEventListener("beat", () => { heard = Date.now(); });
  source.addEventListener("build", (event) => {
    heard = Date.now();
    if (build !== null && build !== event.data) location.reload();
    build = event.data;
  });
  source.addEventListener("error", gone);
  await learn();
}

async function learn() {
  try {
    look = await (await fetch("/look")).json();
    page.dataset.arrow = look.arrow;
    draw();
  } catch (error) {
    console.warn("the daemon does not answer", error);
  }
}

setInterval(() => {
  const lost = source.readyState === EventSource.CLOSED;
  if (!lost && Date.now() - heard < SILENCE_MAX_MS) return;
  gone();
  heard = Date.now();
  open();
}, REOPEN_MS);

setInterval(() => {
  if (!look || look.together || look.languages.length < 2) return;
  turn += 1;
  draw();
}, TURN_MS);

addEventListener("resize", draw);
draw();
open();
