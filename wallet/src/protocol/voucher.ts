// Vouchers of crates/fare-protocol/src/voucher.rs: the server's signed answers, kept on the phone.

import { type Bytes, toHex } from './bytes';
import { type Value, decode } from './cbor';
import { type Verify, open } from './cose';

export interface EntryVoucher {
  kind: 'entry';
  account: string;
  entry: string;
  station: string;
  enteredAtMs: number;
  validUntilMs: number;
}

export interface ExitVoucher {
  kind: 'exit';
  account: string;
  entry: string;
  from: string;
  to: string;
  leftAtMs: number;
  fareMinor: number;
  currency: string;
}

const ENTRY_KIND = 5;
const EXIT_KIND = 6;

/** What a voucher says, once its signature holds; throws otherwise. */
export async function readVoucher(envelope: Bytes, verify: Verify): Promise<EntryVoucher | ExitVoucher> {
  const fields = decode(await open(envelope, verify));
  if (!Array.isArray(fields)) throw new Error('not a voucher');
  // Version 2 of the exit voucher has other steps, which are not read here.
  const newest = fields[0] === EXIT_KIND ? 2 : 1;
  if (number(fields[1]) < 1 || number(fields[1]) > newest) throw new Error('a voucher of another version');
  if (fields[0] === ENTRY_KIND && fields.length === 11) {
    return {
      kind: 'entry',
      entry: id(fields[4]),
      account: id(fields[5]),
      station: text(fields[6]),
      enteredAtMs: number(fields[8]),
      validUntilMs: number(fields[9]),
    };
  }
  if (fields[0] === EXIT_KIND && fields.length === 14) {
    const fare = fields[11];
    if (!Array.isArray(fare)) throw new Error('a voucher without a fare');
    return {
      kind: 'exit',
      entry: id(fields[4]),
      account: id(fields[6]),
      from: text(fields[7]),
      to: text(fields[8]),
      leftAtMs: number(fields[10]),
      fareMinor: number(fare[0]),
      currency: text(fare[1]),
    };
  }
  throw new Error('not a voucher');
}

function id(value: Value | undefined): string {
  if (value instanceof Uint8Array && value.length === 16) return toHex(value);
  throw new Error('a voucher without an id');
}

function text(value: Value | undefined): string {
  if (typeof value === 'string') return value;
  throw new Error('a voucher without a text');
}

function number(value: Value | undefined): number {
  if (typeof value === 'number') return value;
  throw new Error('a voucher without a number');
}
