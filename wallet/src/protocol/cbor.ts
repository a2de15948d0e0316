// The part of CBOR (RFC 8949) that the formats of crates/fare-protocol use: shortest numbers, definite
// lengths.

import { type Bytes, concat, utf8 } from './bytes';

export type Value = number | string | Bytes | null | Value[] | Map<string, never>;

const UINT = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const NULL = 0xf6;

/** Whole numbers up to 2^53, bytes, text, null, arrays of these, and the empty map. */
export function encode(value: Value): Bytes {
  if (value === null) return Uint8Array.of(NULL);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new Error(`${value} is not a whole number`);
    return value < 0 ? head(NEGATIVE, -1 - value) : head(UINT, value);
  }
  if (typeof value === 'string') {
    const text = utf8(value);
    return concat(head(TEXT, text.length), text);
  }
  if (value instanceof Uint8Array) return concat(head(BYTES, value.length), value);
  if (value instanceof Map) return head(MAP, 0);
  return concat(head(ARRAY, value.length), ...value.map(encode));
}

function head(major: number, number: number): Bytes {
  const type = major << 5;
  if (number < 24) return Uint8Array.of(type | number);
  const width = number < 0x100 ? 1 : number < 0x10000 ? 2 : number < 0x100000000 ? 4 : 8;
  const bytes = new Uint8Array(1 + width);
  bytes[0] = type | (24 + Math.log2(width));
  for (let at = width; at > 0; at -= 1) {
    bytes[at] = number % 256;
    number = Math.floor(number / 256);
  }
  return bytes;
}

/** Reads one value that fills `bytes`; throws at anything else. */
export function decode(bytes: Uint8Array): Value {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw new Error(`CBOR: ${bytes.length - reader.at} bytes too many`);
  return value;
}

const DEPTH_MAX = 8;

class Reader {
  at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  value(depth: number): Value {
    const first = this.take(1)[0] ?? 0;
    if (first === NULL) return null;
    const major = first >> 5;
    const number = this.number(first & 31);
    switch (major) {
      case UINT:
        return number;
      case NEGATIVE:
        return -1 - number;
      case BYTES:
        return Uint8Array.from(this.take(number));
      case TEXT:
        return new TextDecoder('utf-8', { fatal: true }).decode(this.take(number));
      case ARRAY: {
        if (depth >= DEPTH_MAX) throw new Error('CBOR: nested too deeply');
        const items: Value[] = [];
        for (let item = 0; item < number; item += 1) items.push(this.value(depth + 1));
        return items;
      }
      case MAP:
        if (number === 0) return new Map<string, never>();
        throw new Error('CBOR: a map that is not empty');
      default:
        throw new Error(`CBOR: byte ${first} at ${this.at - 1}`);
    }
  }

  private number(short: number): number {
    if (short < 24) return short;
    if (short > 27) throw new Error('CBOR: an indefinite length');
    let number = 0;
    for (const byte of this.take(2 ** (short - 24))) number = number * 256 + byte;
    if (!Number.isSafeInteger(number)) throw new Error('CBOR: a number beyond 2^53');
    return number;
  }

  private take(count: number): Uint8Array {
    const end = this.at + count;
    if (end > this.bytes.length) throw new Error('CBOR: the bytes end too early');
    const part = this.bytes.subarray(this.at, end);
    this.at = end;
    return part;
  }
}
