// Codes, made with no network, each proven before it is shown.

import { makeRideCode } from '../protocol/rideCode';
import { now } from './clock';
import { signWith, verifyWith } from './key';
import { type Rider, changeRider } from './riders';

export interface ShownCode {
  text: string;
  madeAtMs: number;
  /** Until when gates take it. */
  untilMs: number;
}

/** Why no code can be made: the issuer's word has run out and must be fetched anew. */
export class PartOver extends Error {}

/** The next code of a rider. */
export async function nextCode(rider: Rider): Promise<ShownCode> {
  const madeAtMs = now();
  if (madeAtMs >= rider.notAfterMs) throw new PartOver();
  const { counter } = await changeRider(rider.account, (kept) => {
    kept.counter += 1;
  });
  return codeWith(rider, counter, madeAtMs);
}

/** The code with this number, which is kept as used. */
export async function codeWith(rider: Rider, counter: number, madeAtMs: number): Promise<ShownCode> {
  const sign = signWith(rider.pair.privateKey);
  const verify = verifyWith(rider.pair.publicKey);
  const text = await makeRideCode(rider.issuerPart, madeAtMs, counter, async (message) => {
    const signature = await sign(message);
    if (!(await verify(message, signature))) throw new Error('this phone made a signature that does not hold');
    return signature;
  });
  const untilMs = Math.min(madeAtMs + rider.codeLifetimeMs, rider.notAfterMs);
  return { text, madeAtMs, untilMs };
}
