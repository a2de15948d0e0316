// The ride code of crates/fare-protocol/src/ride_code.rs: made here with no network, verified at the gate
// with no network.

import type { Bytes } from './bytes';
import { encode as base45 } from './base45';
import { encode } from './cbor';
import { type Sign, seal } from './cose';

export const PREFIX = 'FG1:';

const DEVICE_KIND = 1;
const VERSION = 1;

/** The text of a code: the issuer's part, signed over with time and counter by this phone's key. */
export async function makeRideCode(
  issuerPart: Bytes,
  madeAtMs: number,
  counter: number,
  sign: Sign,
): Promise<string> {
  const payload = encode([DEVICE_KIND, VERSION, issuerPart, madeAtMs, counter]);
  return PREFIX + base45(await seal(payload, sign));
}
