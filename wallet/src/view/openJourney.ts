// The journey under way, above everything else.

import { shownPicture } from '../phone/picture';
import type { Rider } from '../phone/riders';
import { ICONS, h, icon } from './dom';
import { all, clockTime, say, stationName } from './words';

/** What stands above the code while a journey is open; nothing otherwise. */
export function openJourney(rider: Rider, nowMs: number): HTMLElement[] {
  const open = rider.journeys[0];
  if (open?.state !== 'open') return [];
  const from = say('open.from', { station: stationName(open.from), time: clockTime(open.entered_at_ms) });
  const picture = shownPicture(rider.picture, nowMs);
  const hint = say(picture === null ? 'open.hint' : 'open.picture');
  const pays = (picture?.products ?? []).map((product) => nameOf(product.offer, rider));
  return [
    h(
      'section',
      { class: 'open', 'data-testid': 'open', 'aria-label': say('open') },
      icon(ICONS.train),
      h('div', {}, h('p', { class: 'strong' }, from), h('p', {}, hint), paid(pays)),
    ),
  ];
}

/** By which products the gate will show that it is paid. */
function paid(products: string[]): HTMLElement | null {
  return products.length === 0 ? null : h('p', { 'data-testid': 'pays' }, say('open.pays', { products: all(products) }));
}

/** The product's name; what it was on sale as where that has not come yet. */
function nameOf(offer: string, rider: Rider): string {
  const known = [...(rider.products?.held ?? []), ...(rider.products?.onSale ?? [])];
  return known.find((product) => product.offer === offer)?.name ?? offer;
}
