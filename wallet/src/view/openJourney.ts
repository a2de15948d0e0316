// The journey under way, above everything else.

import { shownPicture } from '../phone/picture';
import type { Rider } from '../phone/riders';
import { ICONS, h, icon } from './dom';
import { clockTime, say, stationName } from './words';

/** What stands above the code while a journey is open; nothing otherwise. */
export function openJourney(rider: Rider, nowMs: number): HTMLElement[] {
  const open = rider.journeys[0];
  if (open?.state !== 'open') return [];
  const from = say('open.from', { station: stationName(open.from), time: clockTime(open.entered_at_ms) });
  const hint = say(shownPicture(rider.picture, nowMs) === null ? 'open.hint' : 'open.picture');
  return [
    h(
      'section',
      { class: 'open', 'data-testid': 'open', 'aria-label': say('open') },
      icon(ICONS.train),
      h('div', {}, h('p', { class: 'strong' }, from), h('p', {}, hint)),
    ),
  ];
}
