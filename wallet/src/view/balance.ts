// What is left of the rider's stored value, and how old that is.

import { now } from '../phone/clock';
import type { Rider } from '../phone/riders';
import { h } from './dom';
import { money, say, when } from './words';

/** Nothing for who pays otherwise. */
export function balance(rider: Rider): HTMLElement[] {
  const left = rider.balance;
  if (left == null) return [];
  const isOwed = left.minor < 0;
  return [
    h(
      'p',
      { class: 'balance', 'data-testid': 'balance' },
      h('span', {}, say(isOwed ? 'balance.owed' : 'balance')),
      h('span', { class: 'strong' }, money(Math.abs(left.minor), left.currency)),
      h('span', { class: 'asof' }, say('balance.asof', { time: when(left.asOfMs, now()) })),
    ),
  ];
}
