import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventReader } from '../src/server/events';

test('events come whole, however the network cuts them', () => {
  const sent = ':\n\nevent: voucher\nid: 1\ndata: {"number":1}\n\n:\n\nevent: journeys\ndata: {}\n\n';
  for (const size of [1, 7, sent.length]) {
    const reader = new EventReader();
    const events = [];
    for (let at = 0; at < sent.length; at += size) events.push(...reader.take(sent.slice(at, at + size)));
    assert.deepEqual(events, [
      { event: 'voucher', data: '{"number":1}' },
      { event: 'journeys', data: '{}' },
    ]);
  }
});
