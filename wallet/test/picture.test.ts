import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type Picture, pictureAfter, shownPicture, wantedPicture } from '../src/phone/picture';
import type { Rider } from '../src/phone/riders';
import type { Journey } from '../src/server/api';

const picture: Picture = { text: 'FP1:', entry: 'e1', enteredAtMs: 1_000, validUntilMs: 5_000 };

function journey(entry: string, state: Journey['state']): Journey {
  const from = { id: 'PGY', name: 'Pingguoyuan', local: '苹果园' };
  return {
    entry,
    state,
    from,
    entered_at_ms: 1_000,
    to: null,
    left_at_ms: null,
    fare: null,
    steps: [],
    voucher: null,
    correction: null,
  };
}

test('a picture is shown until its time is over', () => {
  assert.equal(shownPicture(picture, 4_999), picture);
  assert.equal(shownPicture(picture, 5_000), null);
  assert.equal(shownPicture(null, 0), null);
  // Riders of before there were pictures have none.
  assert.equal(shownPicture(undefined, 0), null);
});

test('what was put here last stands on the card: a pay code, then a picture, else a ride code', () => {
  const rider = { picture } as Rider;
  assert.equal(wantedPicture(rider, 4_999), picture);
  assert.equal(wantedPicture(rider, 5_000), null);
  const paying = { ...rider, payCode: { text: '62', keptMs: 4_000 } } as Rider;
  assert.equal(wantedPicture(paying, 4_999)?.text, '62');
  assert.equal(wantedPicture(undefined, 0), null);
});

test('a picture lives as long as its journey', () => {
  for (const state of ['tapped', 'open', 'held'] as const) {
    assert.equal(pictureAfter(picture, [journey('e1', state)]), picture, state);
  }
  for (const state of ['incomplete', 'unpriced', 'closed', 'no-exit'] as const) {
    assert.equal(pictureAfter(picture, [journey('e2', 'open'), journey('e1', state)]), null, state);
  }
  assert.equal(pictureAfter(picture, []), null, 'nobody went through');
  assert.equal(pictureAfter(undefined, [journey('e1', 'open')]), null);
});
