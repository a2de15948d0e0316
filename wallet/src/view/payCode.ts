// Keeping a payment app's code: from a screenshot or typed, until the rider has left.

import { now } from '../phone/clock';
import { payCodeIn, pictureOfPayCode } from '../phone/payCode';
import { type Rider, changeRider } from '../phone/riders';
import { h } from './dom';
import { say } from './words';

/** What stands below the card; `changed` hears of a code that is kept or deleted. */
export function payCode(rider: Rider, changed: (rider: Rider) => void): HTMLElement {
  const keep = (text: string | null): void => {
    void changeRider(rider.account, (kept) => {
      kept.payCode = text === null ? null : { text, keptMs: now() };
    }).then(changed);
  };
  if (pictureOfPayCode(rider.payCode, now()) !== null) {
    const left = h('button', { type: 'button', 'data-testid': 'pay-left', click: () => keep(null) }, say('pay.left'));
    return h('section', { class: 'pay', 'data-testid': 'pay-kept' }, h('p', {}, say('pay.kept')), left);
  }
  const trouble = h('p', { role: 'alert', class: 'trouble' });
  const typed = h('input', { id: 'pay-text', inputmode: 'numeric', autocomplete: 'off', spellcheck: 'false', 'data-testid': 'pay-text' });
  const take = (text: string | null): void => {
    const code = text === null ? null : payCodeIn(text);
    if (code === null) trouble.textContent = say('pay.none');
    else keep(code);
  };
  const file = h('input', { id: 'pay-picture', type: 'file', accept: 'image/*', 'data-testid': 'pay-picture' });
  file.addEventListener('change', () => {
    const [chosen] = file.files ?? [];
    if (chosen === undefined) return;
    // What reads pictures is large, and most riders never need it.
    void import('../phone/qrText').then(async ({ textIn }) => take(await textIn(chosen)));
  });
  const form = h(
    'form',
    { submit: (event) => { event.preventDefault(); take(typed.value); } },
    h('p', {}, say('pay.lead')),
    h('label', { for: 'pay-picture' }, say('pay.picture')),
    file,
    h('label', { for: 'pay-text' }, say('pay.text')),
    typed,
    trouble,
    h('button', { type: 'submit', 'data-testid': 'pay-keep' }, say('pay.keep')),
  );
  return h('details', { class: 'pay', 'data-testid': 'pay' }, h('summary', {}, say('pay')), form);
}
