// What the rider bought beforehand and what is left of it, and what is on sale at desks; as of the last contact.

import { now } from '../phone/clock';
import type { Rider } from '../phone/riders';
import type { Offer, Product } from '../server/api';
import { h } from './dom';
import { dayAndTime, money, say, tongue, when } from './words';

export class ProductList {
  readonly element = h('section', { class: 'products' });
  private shown = '';

  /** Draws what is new; what a rider has opened stays open. */
  show(rider: Rider): void {
    const { held, onSale, asOfMs } = rider.products ?? { held: [], onSale: [], asOfMs: 0 };
    const said = JSON.stringify([rider.account, rider.products]);
    if (said === this.shown) return;
    this.shown = said;
    const isOpen = this.element.querySelector('details')?.open ?? false;
    this.element.hidden = held.length + onSale.length === 0;
    this.element.replaceChildren(
      h('h2', {}, say('products')),
      held.length === 0
        ? h('p', { class: 'none' }, say('products.none'))
        : h('ul', { 'data-testid': 'products' }, ...held.map(heldRow)),
      onSale.length === 0 ? '' : offers(onSale, isOpen),
      h('p', { class: 'asof' }, say('journeys.asof', { time: when(asOfMs, now()) })),
    );
  }

  /** Everything is drawn anew at the next show. */
  forget(): void {
    this.shown = '';
  }
}

function heldRow(product: Product): HTMLElement {
  const isYetToCome = product.from_ms > now();
  const time = dayAndTime(isYetToCome ? product.from_ms : product.until_ms);
  const left = product.uses === null ? say('products.all') : say('products.left', { left: product.uses - product.used, uses: product.uses });
  return h(
    'li',
    { class: 'product' },
    h('p', { class: 'strong' }, h('bdi', {}, product.name)),
    h('p', {}, left),
    h('p', { class: 'asof' }, say(isYetToCome ? 'products.from' : 'products.until', { time })),
  );
}

function offers(onSale: Offer[], isOpen: boolean): HTMLElement {
  return h(
    'details',
    { class: 'offers', open: isOpen, 'data-testid': 'offers' },
    h('summary', {}, say('products.sale')),
    h('p', {}, say('products.sale.lead')),
    h('ul', {}, ...onSale.map(offerRow)),
  );
}

function offerRow(offer: Offer): HTMLElement {
  return h(
    'li',
    { class: 'offer' },
    h('div', {}, h('p', { class: 'strong' }, h('bdi', {}, offer.name)), h('p', { class: 'asof' }, terms(offer))),
    h('p', { class: 'strong number' }, money(offer.price.minor, offer.price.currency)),
  );
}

/** "10 journeys, 90 days". */
function terms(offer: Offer): string {
  const days = tongue.number(offer.valid_days, 'day');
  const uses = offer.uses ?? 0;
  const parts = offer.uses === null ? [say('products.all')] : [say('products.uses', { uses })];
  if (offer.off !== null) parts.push(say('products.off', { off: money(offer.off.minor, offer.off.currency) }));
  if (offer.off_percent !== null) parts.push(say('products.off', { off: tongue.number(offer.off_percent, 'percent') }));
  if (offer.most !== null) parts.push(say('products.most', { most: money(offer.most.minor, offer.most.currency) }));
  return [...parts, days].join(say('products.and'));
}
