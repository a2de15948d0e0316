// The inspector's page, at `#inspect`: is this receipt a gate's own? It asks for the gates' keys when there is a
// network and keeps them, so that it works without.

import { verifyWithRaw } from '../phone/key';
import { textIn } from '../phone/qrText';
import * as api from '../server/api';
import { ICONS, h, icon } from '../view/dom';
import { languageMenu } from '../view/languageMenu';
import { chooseLanguage, clockTime, dayAndTime, loadWords, money, say, stationName } from '../view/words';
import { Forged, type GateKey, type Receipt, UnknownGate, readReceipt } from './receipt';

const KEPT = 'inspector-gates';

/** What is kept for use with no network. */
interface Kept {
  gates: GateKey[];
  stations: api.Station[];
  fetchedMs: number;
}

export async function inspector(root: HTMLElement): Promise<void> {
  await loadWords();
  draw(root, kept());
  try {
    const [gates, stations] = await Promise.all([api.gates(), api.stations()]);
    const fresh: Kept = { gates, stations, fetchedMs: Date.now() };
    localStorage.setItem(KEPT, JSON.stringify(fresh));
    draw(root, fresh);
  } catch {
    // Without a network the keys of before do.
  }
}

function kept(): Kept | null {
  try {
    const text = localStorage.getItem(KEPT);
    return text === null ? null : (JSON.parse(text) as Kept);
  } catch {
    return null;
  }
}

function draw(root: HTMLElement, known: Kept | null): void {
  const typed = root.querySelector('textarea')?.value ?? '';
  const text = h('textarea', { id: 'receipt', rows: 4, spellcheck: 'false', autocapitalize: 'off', 'data-testid': 'receipt-text' });
  text.value = typed;
  const answer = h('div', { role: 'status', 'data-testid': 'answer' });
  const check = async (): Promise<void> => answer.replaceChildren(await verdict(text.value, known));
  const file = h('input', { id: 'picture', type: 'file', accept: 'image/*', capture: 'environment' });
  file.addEventListener('change', () => {
    const [chosen] = file.files ?? [];
    if (chosen === undefined) return;
    void textIn(chosen).then((found) => {
      text.value = found ?? '';
      if (found === null) answer.replaceChildren(said('bad', say('inspect.unread')));
      else void check();
    });
  });
  const form = h(
    'form',
    { submit: (event) => { event.preventDefault(); void check(); } },
    h('label', { for: 'picture' }, say('inspect.picture')),
    file,
    h('label', { for: 'receipt' }, say('inspect.text')),
    text,
    h('button', { type: 'submit', 'data-testid': 'check' }, say('inspect.check')),
  );
  const keys =
    known === null
      ? say('inspect.nokeys')
      : say('inspect.keys', { count: known.gates.length, time: dayAndTime(known.fetchedMs) });
  const speak = (id: string): void => void chooseLanguage(id).then(() => draw(root, known));
  root.replaceChildren(
    h('header', { class: 'top' }, h('h1', {}, say('inspect')), languageMenu(speak)),
    h('main', { class: 'inspect' }, h('p', {}, say('inspect.lead')), form, answer, h('p', { class: 'asof', 'data-testid': 'keys' }, keys)),
  );
}

async function verdict(text: string, known: Kept | null): Promise<HTMLElement> {
  try {
    const receipt = await readReceipt(text, known?.gates ?? [], verifyWithRaw);
    return h('div', {}, said('good', say('inspect.genuine')), facts(receipt, known));
  } catch (error) {
    if (error instanceof UnknownGate) return said('bad', say('inspect.unknown', { gate: error.message }));
    if (error instanceof Forged) return said('bad', say('inspect.forged', { gate: error.message }));
    return said('bad', say('inspect.none'));
  }
}

function said(how: 'good' | 'bad', sentence: string): HTMLElement {
  return h('p', { class: `answer ${how}`, 'data-how': how }, icon(how === 'good' ? ICONS.tick : ICONS.cross), sentence);
}

function facts(receipt: Receipt, known: Kept | null): HTMLElement {
  const { gate, direction, station, line, lane, atMs, errorMs, account, fare } = receipt;
  const named = known?.stations.find((one) => one.id === station);
  const rows: [string, string][] = [
    [say(direction === 'entry' ? 'receipt.entered' : 'receipt.left'), `${named === undefined ? station : stationName(named)}, ${dayAndTime(atMs)}`],
    [say('inspect.gate'), say('inspect.lane', { gate, line, lane })],
    [say('inspect.account'), `…${account}`],
  ];
  if (fare !== null) rows.push([say('receipt.total'), money(fare.minor, fare.currency)]);
  if (errorMs > 60_000) rows.push([say('inspect.clock'), clockTime(atMs - errorMs) + ' – ' + clockTime(atMs + errorMs)]);
  return h('dl', { class: 'facts' }, ...rows.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}
