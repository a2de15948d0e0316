// The phone's key: made here, kept by the browser, readable by nobody.

import { type Bytes, toHex } from '../protocol/bytes';
import type { Sign, Verify } from '../protocol/cose';

const ED25519 = 'Ed25519';

/** The two halves; the private one cannot leave the browser. */
export interface DeviceKey {
  pair: CryptoKeyPair;
  /** 64 hexadecimal digits. */
  publicHex: string;
}

/** Whether this browser can make such keys at all. */
export async function canMakeKeys(): Promise<boolean> {
  try {
    await crypto.subtle.generateKey(ED25519, false, ['sign', 'verify']);
    return true;
  } catch {
    return false;
  }
}

export async function newDeviceKey(): Promise<DeviceKey> {
  const pair = (await crypto.subtle.generateKey(ED25519, false, ['sign', 'verify'])) as CryptoKeyPair;
  const raw = await crypto.subtle.exportKey('raw', pair.publicKey);
  return { pair, publicHex: toHex(new Uint8Array(raw)) };
}

export function signWith(key: CryptoKey): Sign {
  return async (message: Bytes) => new Uint8Array(await crypto.subtle.sign(ED25519, key, message));
}

export function verifyWith(key: CryptoKey): Verify {
  return (message, signature) => crypto.subtle.verify(ED25519, key, signature, message);
}

export async function verifyWithRaw(raw: Bytes): Promise<Verify> {
  return verifyWith(await crypto.subtle.importKey('raw', raw, ED25519, true, ['verify']));
}
