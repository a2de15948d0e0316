import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Forged, NotAReceipt, UnknownGate, readReceipt } from '../src/inspect/receipt';
import { verifyWithRaw } from '../src/phone/key';
import { decode, encode } from '../src/protocol/base45';
import { fromHex, toHex } from '../src/protocol/bytes';
import { NOW, keys, vector } from './vectors';

async function publicHex(seed: number): Promise<string> {
  const { publicKey } = await keys(seed);
  return toHex(new Uint8Array(await crypto.subtle.exportKey('raw', publicKey)));
}

const text = (name: string): string => `FR1:${encode(fromHex(vector(name)))}`;

test('base45 reads back as it was written, and nothing else', () => {
  for (const bytes of [[], [0], [255], [1, 2], [255, 255], [1, 2, 3, 4, 5]]) {
    assert.deepEqual([...decode(encode(Uint8Array.from(bytes)))], bytes);
  }
  for (const wrong of ['A', 'AAAA', ':::', 'a00', '::']) assert.throws(() => decode(wrong), wrong);
});

test('a receipt is believed by its own gate key alone', async () => {
  const gates = [{ gate: 'GMO-02', key: await publicHex(3) }];
  for (const name of ['confirmation', 'naming_confirmation']) {
    const receipt = await readReceipt(`${text(name)}\n`, gates, verifyWithRaw);
    assert.deepEqual(receipt, {
      gate: 'GMO-02',
      direction: 'exit',
      station: 'GMO',
      line: '1',
      lane: 2,
      atMs: NOW,
      errorMs: 40,
      account: '3031',
      fare: { minor: 500, currency: 'CNY' },
    });
  }
  const others = [{ gate: 'GMO-02', key: await publicHex(4) }];
  await assert.rejects(readReceipt(text('confirmation'), others, verifyWithRaw), Forged);
  await assert.rejects(readReceipt(text('confirmation'), [], verifyWithRaw), UnknownGate);
  const altered = fromHex(vector('confirmation'));
  altered[60] = (altered[60] ?? 0) ^ 1;
  await assert.rejects(readReceipt(`FR1:${encode(altered)}`, gates, verifyWithRaw), Forged);
  for (const wrong of ['', 'FR1:', vector('ride_code'), text('passage'), text('entry_voucher')]) {
    await assert.rejects(readReceipt(wrong, gates, verifyWithRaw), NotAReceipt, wrong);
  }
});
