import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEPT_MAX_MS, PAY_CODE, payCodeIn, pictureOfPayCode } from '../src/phone/payCode';

test('codes of payment apps are told from other texts', () => {
  for (const code of ['2512345678901234', '301234567890123456789012', '134567890123456789', '6212345678901234567']) {
    assert.equal(payCodeIn(code), code);
  }
  assert.equal(payCodeIn(' 2801 2345 6789 0123 45\n'), '280123456789012345', 'as apps show them');
  const emv = 'hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MQ==';
  assert.equal(payCodeIn(emv), emv);
  for (const other of ['', '2412345678901234', '251234567890123', '16456789012345678', 'FG1:ABC', '28000000000000000a']) {
    assert.equal(payCodeIn(other), null, other);
  }
});

test('a pay code is shown until it is deleted, a day at most', () => {
  const kept = { text: '280123456789012345', keptMs: 1_000 };
  assert.deepEqual(pictureOfPayCode(kept, 2_000), {
    text: kept.text,
    entry: PAY_CODE,
    enteredAtMs: 1_000,
    validUntilMs: 1_000 + KEPT_MAX_MS,
  });
  assert.equal(pictureOfPayCode(kept, 1_000 + KEPT_MAX_MS), null);
  assert.equal(pictureOfPayCode(null, 0), null);
  assert.equal(pictureOfPayCode(undefined, 0), null);
});
