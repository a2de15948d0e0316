// The golden vectors that crates/fare-protocol keeps, and keys from their seeds.

import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Bytes, concat, fromHex } from '../src/protocol/bytes';

export const vectors: Record<string, string> = JSON.parse(readFileSync('../tests/golden/vectors.json', 'utf8'));

/** The moment that the vectors were made at. */
export const NOW = 1_795_430_096_789;

export function vector(name: string): string {
  const value = vectors[name];
  if (value === undefined) throw new Error(`no vector ${name}`);
  return value;
}

/** The pair of keys whose Ed25519 seed is this byte 32 times, as the vectors' keys are. */
export async function keys(byte: number): Promise<CryptoKeyPair> {
  // Node 18 has no global of that name.
  globalThis.crypto ??= webcrypto as Crypto;
  const seed = new Uint8Array(32).fill(byte);
  const pkcs8 = concat(fromHex('302e020100300506032b657004220420'), seed);
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const raw: Bytes = Uint8Array.from(spki.subarray(-32));
  return {
    privateKey: await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']),
    publicKey: await crypto.subtle.importKey('raw', raw, 'Ed25519', true, ['verify']),
  };
}
