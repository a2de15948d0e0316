// A gate's receipt, as crates/fare-protocol/src/receipt.rs has it: the gate's signed confirmation as text.
// Checked here with no network, by the gates' keys that were fetched before.

import { decode as fromBase45 } from '../protocol/base45';
import { fromHex, toHex } from '../protocol/bytes';
import { type Value, decode } from '../protocol/cbor';
import { type Verify, open } from '../protocol/cose';

export interface GateKey {
  gate: string;
  /** 64 hexadecimal digits. */
  key: string;
}

export interface Receipt {
  gate: string;
  direction: 'entry' | 'exit';
  station: string;
  line: string;
  lane: number;
  atMs: number;
  /** How far the gate's clock may have been off. */
  errorMs: number;
  /** The last four digits alone: nobody needs more. */
  account: string;
  fare: { minor: number; currency: string } | null;
}

/** Not a receipt at all. */
export class NotAReceipt extends Error {}

/** Of a gate whose key is not known here. */
export class UnknownGate extends Error {}

/** Altered or forged. */
export class Forged extends Error {}

const PREFIX = 'FR1:';
const TEXT_LEN_MAX = 772;
const KIND = 3;

/** What a receipt says, once its gate's signature holds; throws one of the three above. */
export async function readReceipt(
  text: string,
  gates: GateKey[],
  verifyWith: (raw: Uint8Array<ArrayBuffer>) => Promise<Verify>,
): Promise<Receipt> {
  const { envelope, receipt } = unbelieved(text.trim());
  const known = gates.find((one) => one.gate === receipt.gate);
  if (known === undefined) throw new UnknownGate(receipt.gate);
  const verify = await verifyWith(fromHex(known.key));
  try {
    await open(envelope, verify);
  } catch {
    throw new Forged(receipt.gate);
  }
  return receipt;
}

function unbelieved(text: string): { envelope: Uint8Array; receipt: Receipt } {
  if (!text.startsWith(PREFIX) || text.length > TEXT_LEN_MAX) throw new NotAReceipt();
  try {
    const envelope = fromBase45(text.slice(PREFIX.length));
    const parts = decode(envelope);
    const payload = Array.isArray(parts) ? parts[2] : null;
    if (!(payload instanceof Uint8Array)) throw new NotAReceipt();
    return { envelope, receipt: confirmation(decode(payload)) };
  } catch {
    throw new NotAReceipt();
  }
}

/** The fields of a confirmation: record.rs has the list. The second version has one more, of no use here. */
function confirmation(fields: Value): Receipt {
  if (!Array.isArray(fields) || fields[0] !== KIND) throw new NotAReceipt();
  if (!(fields[1] === 1 && fields.length === 17) && !(fields[1] === 2 && fields.length === 18)) throw new NotAReceipt();
  const [account, location, fare] = [fields[10], fields[12], fields[14]];
  if (!(account instanceof Uint8Array) || !Array.isArray(location)) throw new NotAReceipt();
  return {
    gate: text(fields[3]),
    direction: fields[8] === 0 ? 'entry' : 'exit',
    station: text(location[0]),
    line: text(location[1]),
    lane: number(location[2]),
    atMs: number(fields[6]),
    errorMs: number(fields[7]),
    account: toHex(account.subarray(-2)),
    fare: Array.isArray(fare) ? { minor: number(fare[0]), currency: text(fare[1]) } : null,
  };
}

function text(value: Value | undefined): string {
  if (typeof value === 'string') return value;
  throw new NotAReceipt();
}

function number(value: Value | undefined): number {
  if (typeof value === 'number') return value;
  throw new NotAReceipt();
}
