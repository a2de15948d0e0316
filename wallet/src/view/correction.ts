// What a rider says of a missing exit; staff decide.

import { now } from '../phone/clock';
import { type Rider, changeRider } from '../phone/riders';
import { type Journey, type Station, Refused, sendCorrection, stations } from '../server/api';
import { h } from './dom';
import { say, stationName, when } from './words';

const NOTE_CHARS_MAX = 300;

export function correction(rider: Rider, journey: Journey, changed: (rider: Rider) => void): HTMLElement {
  const said = journey.correction;
  if (said !== null) {
    const values = { station: stationName(said.station), time: when(said.left_at_ms, now()) };
    return h('p', { class: 'said', 'data-testid': 'said' }, say(`missing.${said.state}`, values));
  }
  const body = h('div', { class: 'missing' });
  const ask = h(
    'button',
    {
      type: 'button',
      class: 'quiet',
      'aria-expanded': 'false',
      click: async () => {
        ask.setAttribute('aria-expanded', 'true');
        body.replaceChildren(await form(rider, journey, changed));
        body.querySelector('select')?.focus();
      },
    },
    say('missing'),
  );
  body.append(ask);
  return body;
}

async function form(rider: Rider, journey: Journey, changed: (rider: Rider) => void): Promise<HTMLElement> {
  const known: Station[] = await stations().catch(() => []);
  if (known.length === 0) return h('p', { role: 'alert' }, say('error.unreachable'));
  const select = h('select', { required: true, id: `station-${journey.entry}` }, h('option', { value: '' }, say('missing.choose')));
  for (const station of known) select.append(h('option', { value: station.id }, stationName(station)));
  const time = h('input', {
    type: 'datetime-local',
    required: true,
    id: `time-${journey.entry}`,
    min: local(journey.entered_at_ms + 60_000),
    max: local(now()),
    value: local(Math.min(now(), journey.entered_at_ms + 1_800_000)),
  });
  const note = h('textarea', { maxlength: NOTE_CHARS_MAX, rows: 2, id: `note-${journey.entry}` });
  const trouble = h('p', { role: 'alert', class: 'trouble' });
  const send = h('button', { type: 'submit' }, say('missing.send'));
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    send.disabled = true;
    const said = {
      entry: journey.entry,
      station: select.value,
      left_at_ms: new Date(time.value).getTime(),
      note: note.value,
    };
    try {
      const fresh = await sendCorrection(rider, said);
      const kept = await changeRider(rider.account, (rider) => {
        rider.journeys = rider.journeys.map((old) => (old.entry === fresh.entry ? fresh : old));
      });
      send.blur();
      changed(kept);
    } catch (error) {
      trouble.textContent =
        error instanceof Refused ? say('error.refused', { detail: error.message }) : say('error.unreachable');
      send.disabled = false;
    }
  };
  return h(
    'form',
    { submit: (event) => void submit(event) },
    h('p', {}, say('missing.lead')),
    field(say('missing.station'), select),
    field(say('missing.time'), time),
    field(say('missing.note'), note),
    trouble,
    send,
  );
}

function field(label: string, control: HTMLElement): HTMLElement {
  return h('div', { class: 'field' }, h('label', { for: control.id }, label), control);
}

/** As a `datetime-local` input writes it: in the phone's own zone, to the minute. */
function local(ms: number): string {
  const shifted = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}
