// The envelope of crates/fare-protocol/src/cose.rs: COSE_Sign1 (RFC 9052), Ed25519, in one narrow profile.

import { type Bytes, equal } from './bytes';
import { decode, encode } from './cbor';

/** Signs bytes with a key that need not be readable. */
export type Sign = (message: Bytes) => Promise<Bytes>;

/** Whether a signature over bytes holds. */
export type Verify = (message: Bytes, signature: Bytes) => Promise<boolean>;

const ALG_ONLY = Uint8Array.of(0xa1, 0x01, 0x27);
const ALG_AND_KEY_ID = Uint8Array.of(0xa2, 0x01, 0x27, 0x04, 0x44);
const NOTHING = new Uint8Array(0);

/** Signs `payload`, which itself says whose key it is. */
export async function seal(payload: Bytes, sign: Sign): Promise<Bytes> {
  const signature = await sign(toBeSigned(ALG_ONLY, payload));
  return encode([ALG_ONLY, new Map<string, never>(), payload, signature]);
}

/** The payload of an envelope whose signature holds; throws otherwise. */
export async function open(envelope: Uint8Array, verify: Verify): Promise<Bytes> {
  const parts = decode(envelope);
  if (!Array.isArray(parts) || parts.length !== 4) throw new Error('not an envelope');
  const [header, unprotected, payload, signature] = parts;
  if (!(header instanceof Uint8Array && payload instanceof Uint8Array)) throw new Error('not an envelope');
  if (!(unprotected instanceof Map && signature instanceof Uint8Array)) throw new Error('not an envelope');
  const named = header.length === 9 && equal(header.subarray(0, 5), ALG_AND_KEY_ID);
  if (!named && !equal(header, ALG_ONLY)) throw new Error('an envelope of another kind');
  if (!(await verify(toBeSigned(header, payload), signature))) throw new Error('the signature does not hold');
  return payload;
}

function toBeSigned(header: Bytes, payload: Bytes): Bytes {
  return encode(['Signature1', header, NOTHING, payload]);
}

