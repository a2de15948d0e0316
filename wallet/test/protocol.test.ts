import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode as base45 } from '../src/protocol/base45';
import { fromBase64url, fromHex, toBase64url, toHex, utf8 } from '../src/protocol/bytes';
import { decode, encode } from '../src/protocol/cbor';
import { makeRideCode } from '../src/protocol/rideCode';
import { requestToBeSigned } from '../src/protocol/request';
import { readPicture } from '../src/protocol/picture';
import { readVoucher } from '../src/protocol/voucher';
import { signWith, verifyWith } from '../src/phone/key';
import { NOW, keys, vector } from './vectors';

test('a ride code is the golden one, byte for byte', async () => {
  const device = await keys(2);
  const issuerPart = fromHex(vector('issuer_part'));
  assert.equal(await makeRideCode(issuerPart, NOW, 42, signWith(device.privateKey)), vector('ride_code'));
});

test('a request is signed over the golden lines, with the golden signature', async () => {
  const device = await keys(2);
  const message = await requestToBeSigned('POST', '/v1/rider/corrections', NOW, utf8('{"station":"GMO"}'));
  assert.equal(new TextDecoder().decode(message), vector('rider_request'));
  const signature = await signWith(device.privateKey)(message);
  assert.equal(toHex(signature), vector('rider_request_signature'));
});

test('vouchers are believed when the server signed them, and read', async () => {
  const server = verifyWith((await keys(4)).publicKey);
  const entry = await readVoucher(fromHex(vector('entry_voucher')), server);
  assert.deepEqual({ kind: entry.kind, station: entry.kind === 'entry' && entry.station }, { kind: 'entry', station: 'PGY' });
  for (const name of ['exit_voucher', 'exit_voucher_steps']) {
    const exit = await readVoucher(fromHex(vector(name)), server);
    assert.ok(exit.kind === 'exit', name);
    assert.deepEqual([exit.from, exit.to, exit.fareMinor, exit.currency], ['PGY', 'GMO', 500, 'CNY']);
    assert.equal(exit.account, toHex(utf8('account-00000001')));
  }
});

test('a picture is believed when the server signed it, with what it says of balance and products', async () => {
  const server = verifyWith((await keys(4)).publicKey);
  const stranger = verifyWith((await keys(3)).publicKey);
  const plain = await readPicture(vector('picture'), server);
  assert.deepEqual(plain, {
    entry: toHex(utf8('confirmation-000')),
    account: toHex(utf8('account-00000001')),
    asOfMs: NOW - 1_800_000 + 2_000,
    balance: null,
    products: [],
  });
  const stored = await readPicture(vector('picture_balance'), server);
  assert.deepEqual(stored, { ...plain, balance: { minor: 4_350, currency: 'CNY' } });
  const products = [
    { offer: 'month', left: null },
    { offer: 'ten', left: 4 },
    { offer: 'half', left: 2 },
  ];
  assert.deepEqual(await readPicture(vector('picture_products'), server), { ...plain, products });
  await assert.rejects(readPicture(vector('picture_balance'), stranger), /signature/);
  await assert.rejects(readPicture(vector('ride_code'), server), /picture/);
  const voucher = fromHex(vector('entry_voucher'));
  await assert.rejects(readPicture(`FP1:${base45(voucher)}`, server), /picture/);
});

test('a voucher of another signer, changed or cut is not believed', async () => {
  const server = verifyWith((await keys(4)).publicKey);
  const stranger = verifyWith((await keys(3)).publicKey);
  const good = fromHex(vector('exit_voucher'));
  await assert.rejects(readVoucher(good, stranger), /signature/);
  for (let at = 0; at < good.length; at += 7) {
    const changed = good.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    await assert.rejects(readVoucher(changed, server), `byte ${at}`);
  }
  await assert.rejects(readVoucher(good.slice(0, -1), server));
  await assert.rejects(readVoucher(fromHex(vector('confirmation')), verifyWith((await keys(3)).publicKey)), /voucher/);
});

// RFC 8949, appendix A.
test('CBOR writes and reads the examples of its RFC', () => {
  for (const [value, hex] of [
    [0, '00'], [23, '17'], [24, '1818'], [255, '18ff'], [256, '190100'], [1000000, '1a000f4240'],
    [1000000000000, '1b000000e8d4a51000'], [-1, '20'], [-100, '3863'], [-1000, '3903e7'],
    ['IETF', '6449455446'], ['水', '63e6b0b4'], [fromHex('01020304'), '4401020304'],
    [[1, [2, 3]], '8201820203'], [null, 'f6'],
  ] as const) {
    assert.equal(toHex(encode(value as never)), hex);
    assert.deepEqual(decode(fromHex(hex)), value);
  }
});

test('CBOR that is hostile is refused and not followed', () => {
  for (const hex of ['', '18', '9f', '5f', '1bffffffffffffffff', '8181818181818181818100', '0000', 'a10102', '9a7fffffff', 'ff']) {
    assert.throws(() => decode(fromHex(hex)), /CBOR/, hex);
  }
});

// RFC 9285, section 4.3.
test('base45 writes the examples of its RFC', () => {
  for (const [plain, text] of [['AB', 'BB8'], ['Hello!!', '%69 VD92EX0'], ['base-45', 'UJCLQE7W581']] as const) {
    assert.equal(base45(utf8(plain)), text);
  }
});

test('base64url goes there and back and takes nothing else', () => {
  for (const hex of ['', 'ff', 'fbff', '00ff10']) assert.equal(toHex(fromBase64url(toBase64url(fromHex(hex)))), hex);
  assert.throws(() => fromBase64url('a+b='));
});
