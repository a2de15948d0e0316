import assert from 'node:assert/strict';
import { test } from 'node:test';
import encodeQR from 'qr';
import { vector } from './vectors';

test('a ride code fits version 10, as the formats promise', () => {
  const modules = encodeQR(vector('ride_code'), 'raw', { ecc: 'low', encoding: 'alphanumeric', border: 4 });
  assert.equal(modules.length, 57 + 8);
});
