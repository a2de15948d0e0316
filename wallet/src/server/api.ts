// What is asked of the server; each request is proven by the rider's key.

import { fromBase64url, toBase64url, utf8 } from '../protocol/bytes';
import { requestToBeSigned } from '../protocol/request';
import { compare, now } from '../phone/clock';
import { type DeviceKey, signWith } from '../phone/key';

export interface Station {
  id: string;
  name: string;
  local: string;
}

export interface Money {
  minor: number;
  currency: string;
}

export interface Correction {
  station: Station;
  left_at_ms: number;
  note: string;
  sent_ms: number;
  state: 'waiting' | 'decided' | 'cleared';
}

export type StepValue = string | number | null | Station | { how: string; to_minor: number };

/** One step of a price: a code with its values, and both in English. */
export interface FareStep {
  /** Journeys that were kept before there were codes have none. */
  code?: string;
  values?: Record<string, StepValue>;
  text: string;
  minor: number;
}

export interface Journey {
  entry: string;
  state: 'tapped' | 'open' | 'incomplete' | 'unpriced' | 'held' | 'closed' | 'no-exit';
  from: Station;
  entered_at_ms: number;
  to: Station | null;
  left_at_ms: number | null;
  fare: Money | null;
  steps: FareStep[];
  voucher: string | null;
  /** Where a missing exit is taken to have been; servers of before do not tell. */
  completed?: { at: Station; percent: number } | null;
  correction: Correction | null;
}

/** An exit of which no entry has come, and what that costs. */
export interface Exit {
  exit: string;
  at: Station;
  left_at_ms: number;
  state: 'waiting' | 'charged' | 'kept';
  fare: Money | null;
  steps: FareStep[];
}

export type ProductKind = 'pass' | 'multi-ride' | 'coupon';

/** What a rider bought beforehand. */
export interface Product {
  product: string;
  offer: string;
  name: string;
  kind: ProductKind;
  price: Money;
  from_ms: number;
  until_ms: number;
  used: number;
  uses: number | null;
}

/** What is on sale at desks. */
export interface Offer {
  offer: string;
  name: string;
  kind: ProductKind;
  price: Money;
  valid_days: number;
  uses: number | null;
  off: Money | null;
  off_percent: number | null;
  most: Money | null;
}

export interface Enrolled {
  account: string;
  class: string;
  /** From when on a new part says adult, where the class was granted upon a proof. */
  class_until_ms?: number | null;
  issuer_part: string;
  code_lifetime_ms: number;
  not_after_ms: number;
  server_key: string;
}

export interface VoucherView {
  number: number;
  kind: 'entry' | 'exit';
  entry: string;
  envelope: string;
  /** Beside an entry: what is shown at the exit. */
  picture?: string;
}

/** The server answered, and the answer is no. */
export class Refused extends Error {
  constructor(
    /** A stable word, such as `stale-time`. */
    readonly title: string,
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

/** The server could not be reached. */
export class Unreachable extends Error {}

const ANSWER_MAX_MS = 10_000;

/** No two requests have the same time: the server takes each once. */
let lastAsked = 0;

/** Asks, proven by `key`. A clock that turns out to be off is corrected, and asked once more. */
export async function ask(key: DeviceKey, method: string, target: string, body?: unknown): Promise<Response> {
  try {
    return await askOnce(key, method, target, body);
  } catch (error) {
    if (error instanceof Refused && error.title === 'stale-time') return askOnce(key, method, target, body);
    throw error;
  }
}

async function askOnce(key: DeviceKey, method: string, target: string, body: unknown): Promise<Response> {
  const bytes = body === undefined ? new Uint8Array(0) : utf8(JSON.stringify(body));
  const at = Math.max(Math.round(now()), lastAsked + 1);
  lastAsked = at;
  const signature = await signWith(key.pair.privateKey)(await requestToBeSigned(method, target, at, bytes));
  const headers: Record<string, string> = {
    'rider-key': key.publicHex,
    'rider-time': String(at),
    'rider-signature': toBase64url(signature),
  };
  if (body !== undefined) headers['content-type'] = 'application/json';
  return get(target, { method, headers, ...(body === undefined ? {} : { body: bytes }) });
}

/** Fetches, and learns from every answer what time it is. */
async function get(target: string, init: RequestInit): Promise<Response> {
  const sent = Date.now();
  const tooLong = new AbortController();
  const timer = setTimeout(() => tooLong.abort(), ANSWER_MAX_MS);
  let response: Response;
  try {
    response = await fetch(target, { ...init, cache: 'no-store', signal: tooLong.signal });
  } catch {
    throw new Unreachable();
  } finally {
    clearTimeout(timer);
  }
  const server = Number(response.headers.get('server-time'));
  if (server > 0) compare(server, sent);
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Refused(String(problem.title ?? 'error'), response.status, String(problem.detail ?? ''));
}

export async function enrol(key: DeviceKey): Promise<Enrolled> {
  return (await ask(key, 'POST', '/v1/rider')).json();
}

export async function freshIssuerPart(key: DeviceKey): Promise<Enrolled> {
  return (await ask(key, 'POST', '/v1/rider/issuer-part')).json();
}

/** The journeys, and what is left of stored value by now: null for who pays otherwise. */
export async function journeys(
  key: DeviceKey,
): Promise<{ journeys: Journey[]; exits?: Exit[]; balance: Money | null; as_of_ms: number }> {
  return (await ask(key, 'GET', '/v1/rider/journeys')).json();
}

/** What the rider bought beforehand, and what is on sale. */
export async function products(
  key: DeviceKey,
): Promise<{ products: Product[]; on_sale?: Offer[]; as_of_ms?: number }> {
  return (await ask(key, 'GET', '/v1/rider/products')).json();
}

export async function vouchersAfter(
  key: DeviceKey,
  after: number,
): Promise<{ vouchers: VoucherView[]; cursor: number }> {
  return (await ask(key, 'GET', `/v1/rider/vouchers?after=${after}`)).json();
}

export async function sendCorrection(
  key: DeviceKey,
  said: { entry: string; station: string; left_at_ms: number; note: string },
): Promise<Journey> {
  return (await ask(key, 'POST', '/v1/rider/corrections', said)).json();
}

/** The gates' public keys, which check receipts. */
export async function gates(): Promise<{ gate: string; key: string }[]> {
  return (await get('/v1/gates', {})).json();
}

export async function stations(): Promise<Station[]> {
  return (await get('/v1/stations', {})).json();
}

export function envelopeOf(voucher: VoucherView): Uint8Array<ArrayBuffer> {
  return fromBase64url(voucher.envelope);
}
