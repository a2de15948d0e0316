// Contact with the server: a fresh issuer part, vouchers and journeys, now and as they come. Everything
// goes on without it.

import { fromBase64url, fromHex } from '../protocol/bytes';
import { readPicture } from '../protocol/picture';
import { readVoucher } from '../protocol/voucher';
import * as api from '../server/api';
import { EventReader } from '../server/events';
import { now } from './clock';
import { type DeviceKey, newDeviceKey, verifyWithRaw } from './key';
import { VALID_FOR_MAX_MS, pictureAfter } from './picture';
import { type Rider, addRider, changeRider } from './riders';

/** An issuer part older than this is fetched anew at the next contact. */
const FRESH_MS = 6 * 3_600_000;

/** Between two tries to follow events: at first, and at most. */
const PAUSE_MIN_MS = 2_000;
const PAUSE_MAX_MS = 60_000;

/** Makes a key and has the server enrol it. */
export async function enrolRider(name: string): Promise<Rider> {
  const key = await newDeviceKey();
  const enrolled = await api.enrol(key);
  const rider: Rider = {
    ...key,
    ...granted(enrolled),
    account: enrolled.account,
    name,
    counter: 0,
    cursor: 0,
    journeys: [],
    journeysMs: 0,
  };
  await addRider(rider);
  // What is kept here cannot be had again, so the browser is asked not to clear it away.
  await navigator.storage?.persist?.().catch(() => false);
  return rider;
}

function granted(enrolled: api.Enrolled): Pick<
  Rider,
  'riderClass' | 'classUntilMs' | 'issuerPart' | 'codeLifetimeMs' | 'notAfterMs' | 'fetchedMs' | 'serverKeyHex' | 'isDenied'
> {
  return {
    riderClass: enrolled.class,
    classUntilMs: enrolled.class_until_ms ?? null,
    issuerPart: fromBase64url(enrolled.issuer_part),
    codeLifetimeMs: enrolled.code_lifetime_ms,
    notAfterMs: enrolled.not_after_ms,
    fetchedMs: now(),
    serverKeyHex: enrolled.server_key,
    isDenied: false,
  };
}

/** A fresh issuer part, or that there is none for this account at present. */
async function renewPart(rider: Rider): Promise<Rider> {
  try {
    const enrolled = await api.freshIssuerPart(rider);
    return await changeRider(rider.account, (kept) => Object.assign(kept, granted(enrolled)));
  } catch (error) {
    if (!(error instanceof api.Refused && error.title === 'denied')) throw error;
    return changeRider(rider.account, (kept) => {
      kept.isDenied = true;
    });
  }
}

/** Fetches what is due: the issuer part when it has aged, missed vouchers, the journeys. */
export async function refresh(rider: Rider): Promise<Rider> {
  const key: DeviceKey = rider;
  const isDue = rider.isDenied || now() - rider.fetchedMs > FRESH_MS || now() >= rider.notAfterMs;
  if (isDue) rider = await renewPart(rider);
  const missed = await api.vouchersAfter(key, rider.cursor);
  for (const voucher of missed.vouchers) rider = await takeVoucher(rider, voucher);
  return takeJourneys(rider);
}

/** The journeys as the server has them now, and the products. */
export async function takeJourneys(rider: Rider): Promise<Rider> {
  const { journeys, exits, balance, as_of_ms: asOfMs } = await api.journeys(rider);
  // A server that does not tell of products tells of journeys all the same.
  const bought = await api.products(rider).catch(() => null);
  return changeRider(rider.account, (kept) => {
    kept.journeys = journeys;
    kept.exits = exits ?? [];
    if (bought !== null) {
      kept.products = { held: bought.products, onSale: bought.on_sale ?? [], asOfMs: bought.as_of_ms ?? now() };
    }
    kept.journeysMs = now();
    kept.balance = balance === null ? null : { ...balance, asOfMs };
    kept.picture = pictureAfter(kept.picture, journeys);
  });
}

/** Believes a voucher when the server signed it for this rider; what is not so is left out. */
async function takeVoucher(rider: Rider, view: api.VoucherView): Promise<Rider> {
  const verify = await verifyWithRaw(fromHex(rider.serverKeyHex));
  const voucher = await readVoucher(api.envelopeOf(view), verify);
  if (voucher.account !== rider.account) throw new Error('a voucher of somebody else');
  const said = view.picture === undefined ? null : await readPicture(view.picture, verify);
  if (said !== null && (said.entry !== voucher.entry || said.account !== rider.account)) {
    throw new Error('a picture of another journey');
  }
  return changeRider(rider.account, (kept) => {
    kept.cursor = Math.max(kept.cursor, view.number);
    // An exit voucher alone does not end a picture: nobody may have gone through yet. The journey's state
    // does, which is asked for after every voucher.
    const isNewer = voucher.kind === 'entry' && voucher.enteredAtMs >= (kept.picture?.enteredAtMs ?? 0);
    if (isNewer && view.picture !== undefined) {
      // One that an offline gate sent late does not take the place of a newer one.
      const { entry, enteredAtMs } = voucher;
      const validUntilMs = Math.min(voucher.validUntilMs, enteredAtMs + VALID_FOR_MAX_MS);
      kept.picture = { text: view.picture, entry, enteredAtMs, validUntilMs, products: said?.products ?? [] };
      if (said !== null && said.asOfMs >= (kept.balance?.asOfMs ?? 0)) {
        kept.balance = said.balance === null ? null : { ...said.balance, asOfMs: said.asOfMs };
      }
    }
  });
}

/** Follows the server's events for a rider until stopped; `changed` hears of every news. */
export function follow(
  account: string,
  load: () => Promise<Rider | undefined>,
  changed: (rider: Rider) => void,
  reached: (isReached: boolean) => void,
): () => void {
  const stop = new AbortController();
  void run(load, changed, reached, stop.signal, account);
  return () => stop.abort();
}

async function run(
  load: () => Promise<Rider | undefined>,
  changed: (rider: Rider) => void,
  reached: (isReached: boolean) => void,
  stop: AbortSignal,
  account: string,
): Promise<void> {
  let pause = PAUSE_MIN_MS;
  while (!stop.aborted) {
    const rider = await load();
    if (rider === undefined || rider.account !== account) return;
    try {
      const fresh = await refresh(rider);
      if (stop.aborted) return;
      reached(true);
      changed(fresh);
      pause = PAUSE_MIN_MS;
      await listen(fresh, changed, stop);
    } catch (error) {
      if (stop.aborted) return;
      if (error instanceof api.Unreachable) reached(false);
    }
    await sleep(pause, stop);
    pause = Math.min(pause * 2, PAUSE_MAX_MS);
  }
}

async function listen(rider: Rider, changed: (rider: Rider) => void, stop: AbortSignal): Promise<void> {
  const response = await api.ask(rider, 'GET', `/v1/rider/events?after=${rider.cursor}`);
  const stream = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (stream === undefined) return;
  const close = () => void stream.cancel().catch(() => {});
  stop.addEventListener('abort', close);
  const reader = new EventReader();
  try {
    for (;;) {
      const { done, value } = await stream.read();
      if (done) return;
      for (const { event, data } of reader.take(value)) {
        if (event === 'voucher') rider = await takeVoucher(rider, JSON.parse(data) as api.VoucherView);
        rider = await takeJourneys(rider);
        changed(rider);
      }
    }
  } finally {
    stop.removeEventListener('abort', close);
    close();
  }
}

function sleep(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      globalThis.removeEventListener('online', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stop.addEventListener('abort', end, { once: true });
    // A network that is back is tried at once.
    globalThis.addEventListener('online', end);
  });
}
