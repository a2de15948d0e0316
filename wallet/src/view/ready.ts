// The ready line: proves before the gate that the code will work there.

import type { ClockState } from '../phone/clock';
import type { Rider } from '../phone/riders';
import { ICONS, h, icon } from './dom';
import { say, when } from './words';

export interface ReadyFacts {
  rider: Rider;
  nowMs: number;
  clock: ClockState;
  /** The page opens with no network. */
  isSaved: boolean;
  /** The server was reached at the last try. */
  isReached: boolean;
  /** A code stands on the screen, its signature proven. */
  isShown: boolean;
}

/** With less than this left, the rider is asked to connect. */
const SOON_MS = 24 * 3_600_000;

export function readyLine(facts: ReadyFacts): HTMLElement {
  const { rider, nowMs, clock, isSaved, isReached, isShown } = facts;
  const leftMs = rider.notAfterMs - nowMs;
  if (rider.isDenied) return h('div', {}, h('p', { class: 'notice' }, say('denied')));
  if (leftMs <= 0) return h('div', {}, h('p', { class: 'notice' }, say('ready.over')));
  const isReady = isShown && isSaved;
  const until = when(rider.notAfterMs, nowMs);
  const offline = isSaved
    ? say(leftMs < SOON_MS ? 'ready.ends' : 'ready.offline', { time: until })
    : say('ready.saving');
  const rows = [
    row(isSaved && leftMs >= SOON_MS ? ICONS.tick : ICONS.wait, offline),
    row(clock.checkedMs === null ? ICONS.wait : ICONS.tick, clockSaid(clock)),
    row(ICONS.sun, say('ready.bright')),
  ];
  return h(
    'div',
    { class: isReady ? 'is-ready' : 'is-waiting', 'data-testid': isReady ? 'ready' : 'waiting' },
    h('p', { class: 'verdict' }, icon(isReady ? ICONS.tick : ICONS.wait), say(isReady ? 'ready' : 'ready.not')),
    h('ul', {}, ...rows),
    isReached ? null : h('p', { class: 'away' }, icon(ICONS.cloud), say('offline')),
  );
}

function row(path: string, text: string): HTMLElement {
  return h('li', {}, icon(path), h('span', {}, text));
}

function clockSaid(clock: ClockState): string {
  if (clock.checkedMs === null) return say('ready.clock.unknown');
  if (clock.offsetMs === 0) return say('ready.clock');
  return say('ready.clock.fixed', { seconds: Math.round(Math.abs(clock.offsetMs) / 1000) });
}
