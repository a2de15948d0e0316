// How a phone proves each request: crates/fare-protocol/src/rider.rs.

import { type Bytes, toHex, utf8 } from './bytes';

/** The bytes that the phone's key signs. */
export async function requestToBeSigned(
  method: string,
  target: string,
  atMs: number,
  body: Bytes,
): Promise<Bytes> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
  return utf8(`faregate rider request 1\n${method}\n${target}\n${atMs}\n${toHex(hash)}\n`);
}
