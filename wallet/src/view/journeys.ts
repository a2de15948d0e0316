// The journeys, newest first; each opens to its receipt.

import { now } from '../phone/clock';
import type { Rider } from '../phone/riders';
import type { Exit, FareStep, Journey, Money } from '../server/api';
import { correction } from './correction';
import { h } from './dom';
import { stepSentence } from './fareStep';
import { clockTime, dayAndTime, money, say, stationName, tongue, when } from './words';

export class JourneyList {
  readonly element = h('section', { class: 'journeys' });
  private shown = '';

  constructor(private readonly changed: (rider: Rider) => void) {}

  /** Draws what is new. What a rider has opened stays open, and a form under way is left alone. */
  show(rider: Rider): void {
    const exits = rider.exits ?? [];
    const said = JSON.stringify([rider.account, rider.journeys, exits]);
    if (said === this.shown) return;
    if (this.element.querySelector('form:focus-within') !== null) return;
    this.shown = said;
    const open = new Set(Array.from(this.element.querySelectorAll('details[open]'), (row) => row.id));
    const all = [
      ...rider.journeys.map((journey) => ({ atMs: journey.entered_at_ms, row: () => this.row(rider, journey, open) })),
      ...exits.map((exit) => ({ atMs: exit.left_at_ms, row: () => exitRow(exit, open) })),
    ];
    const rows = all.sort((a, b) => b.atMs - a.atMs).map(({ row }) => row());
    this.element.replaceChildren(
      h('h2', {}, say('journeys')),
      rows.length === 0 ? h('p', { class: 'none' }, say('journeys.none')) : h('ul', {}, ...rows),
      rider.journeysMs === 0 || rows.length === 0
        ? ''
        : h('p', { class: 'asof' }, say('journeys.asof', { time: when(rider.journeysMs, now()) })),
    );
  }

  /** Everything is drawn anew at the next show. */
  forget(): void {
    this.shown = '';
  }

  private row(rider: Rider, journey: Journey, open: Set<string>): HTMLElement {
    const id = `journey-${journey.entry}`;
    const { from, to, fare, state } = journey;
    const way = to === null ? stationName(from) : say('journey.way', { from: stationName(from), to: stationName(to) });
    const summary = heading(way, journey.entered_at_ms, fare, state);
    const isMissing = state === 'open' || state === 'incomplete' || state === 'no-exit' || journey.correction !== null;
    const details = h(
      'details',
      { id, open: open.has(id), 'data-testid': 'journey' },
      summary,
      receipt(journey),
      isMissing ? correction(rider, journey, this.changed) : null,
    );
    return h('li', {}, details);
  }
}

/** An exit of which no entry has come: it stands among the journeys, with what it costs and why. */
function exitRow(exit: Exit, open: Set<string>): HTMLElement {
  const id = `exit-${exit.exit}`;
  const way = say('exit.way', { to: stationName(exit.at) });
  const state = `exit-${exit.state}`;
  const details = h(
    'details',
    { id, open: open.has(id), 'data-testid': 'exit' },
    heading(way, exit.left_at_ms, exit.fare, state),
    h(
      'div',
      { class: 'receipt' },
      exit.fare === null || exit.steps.length === 0 ? null : sums(exit.steps, exit.fare),
      h('p', {}, say(`exit.${exit.state}`)),
      h('p', { class: 'asof' }, `${say('receipt.number')} ${exit.exit.slice(-8)}`),
    ),
  );
  return h('li', {}, details);
}

function heading(way: string, atMs: number, fare: Money | null, state: string): HTMLElement {
  return h(
    'summary',
    {},
    h('span', { class: 'way' }, h('span', { class: 'strong' }, way), h('span', { class: 'day' }, dayAndTime(atMs))),
    h(
      'span',
      { class: 'price' },
      fare === null ? '' : h('span', { class: 'strong' }, money(fare.minor, fare.currency)),
      h('span', { class: `state ${state}` }, say(`journey.state.${state}`)),
    ),
  );
}

function sums(steps: FareStep[], fare: Money): HTMLElement {
  const rows = steps.map((step) =>
    h(
      'tr',
      {},
      h('td', { dir: 'auto' }, stepSentence(step, fare.currency, tongue)),
      h('td', { class: 'number' }, money(step.minor, fare.currency)),
    ),
  );
  const total = h(
    'tr',
    { class: 'total' },
    h('th', { scope: 'row' }, say('receipt.total')),
    h('td', { class: 'number' }, money(fare.minor, fare.currency)),
  );
  return h('table', {}, h('caption', {}, say('receipt')), h('tbody', {}, ...rows), h('tfoot', {}, total));
}

function receipt(journey: Journey): HTMLElement {
  const { fare, steps, left_at_ms: left } = journey;
  const times = h(
    'dl',
    {},
    h('dt', {}, say('receipt.entered')),
    h('dd', {}, `${stationName(journey.from)}, ${clockTime(journey.entered_at_ms)}`),
    ...(journey.to === null || left === null
      ? []
      : [
          h('dt', {}, say('receipt.left')),
          h('dd', {}, `${stationName(journey.to)}, ${clockTime(left)}`),
        ]),
  );
  if (fare === null) return h('div', { class: 'receipt' }, times);
  return h(
    'div',
    { class: 'receipt', 'data-testid': 'receipt' },
    times,
    steps.length === 0
      ? h('p', {}, whyNoSteps(journey))
      : sums(steps, fare),
    journey.voucher === null
      ? null
      : h('p', { class: 'asof' }, `${say('receipt.number')} ${journey.entry.slice(-8)}, ${say('receipt.signed')}`),
  );
}

/** Of a fare that no voucher explains. */
function whyNoSteps({ state, completed }: Journey): string {
  if (state !== 'no-exit') return say('receipt.none');
  if (!completed) return say('receipt.no-exit');
  return say('receipt.completed', { station: stationName(completed.at), percent: completed.percent });
}
