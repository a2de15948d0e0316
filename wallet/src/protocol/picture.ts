// The picture of crates/fare-protocol/src/picture.rs: what the exit gate reads. The phone looks whether the server signed
// it, and what it says of the balance and of products; the rest is for gates.

import { decode as fromBase45 } from './base45';
import { toHex } from './bytes';
import { type Value, decode } from './cbor';
import { type Verify, open } from './cose';

export interface PictureSaid {
  /** The entry of its journey, as journeys name it. */
  entry: string;
  account: string;
  /** When the server made it. */
  asOfMs: number;
  /** What was left of stored value then; null for who pays otherwise. */
  balance: { minor: number; currency: string } | null;
  /** Products that may pay for the journey, in the order of use. */
  products: InHand[];
}

export interface InHand {
  /** What it was on sale as. */
  offer: string;
  /** For how many journeys it is good still, this one included; null for all. */
  left: number | null;
}

const PREFIX = 'FP1:';
const KIND = 11;

/** What a picture says once the server's signature holds; throws when it does not. Null for a version that is not known
 * here: gates may know it. */
export async function readPicture(text: string, verify: Verify): Promise<PictureSaid | null> {
  if (!text.startsWith(PREFIX)) throw new Error('not a picture');
  const fields = decode(await open(fromBase45(text.slice(PREFIX.length)), verify));
  if (!Array.isArray(fields) || fields[0] !== KIND) throw new Error('not a picture');
  const [, version, , entry, account, , , , enteredAtMs, madeAfterMs, , , balance, products] = fields;
  const isKnown = version === 1 || version === 2 || version === 3;
  if (!isKnown) return null;
  if (fields.length !== version + 11) throw new Error('a picture without all its fields');
  if (!(entry instanceof Uint8Array && account instanceof Uint8Array)) throw new Error('a picture without its ids');
  if (typeof enteredAtMs !== 'number' || typeof madeAfterMs !== 'number') throw new Error('a picture without its times');
  const [minor, currency] = Array.isArray(balance) ? balance : [];
  return {
    entry: toHex(entry),
    account: toHex(account),
    asOfMs: enteredAtMs + madeAfterMs,
    balance: typeof minor === 'number' && typeof currency === 'string' ? { minor, currency } : null,
    products: Array.isArray(products) ? products.map(inHand) : [],
  };
}

function inHand(said: Value): InHand {
  const [offer, covers, used] = Array.isArray(said) ? said : [];
  if (typeof offer !== 'string' || !Array.isArray(covers) || typeof used !== 'number') {
    throw new Error('a picture with an unreadable product');
  }
  const [, uses] = covers;
  return { offer, left: typeof uses === 'number' ? uses - used : null };
}
