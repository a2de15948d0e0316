// The riders of this phone, each with an account and a key of its own, kept in IndexedDB. The name stays
// here; the server knows none.

import type { Bytes } from '../protocol/bytes';
import type { Exit, Journey, Offer, Product } from '../server/api';
import type { PayCode } from './payCode';
import type { Picture } from './picture';

export interface Rider {
  /** 32 hexadecimal digits; who pays. */
  account: string;
  /** What the rider is called on this phone. */
  name: string;
  pair: CryptoKeyPair;
  publicHex: string;
  riderClass: string;
  /** From when on codes say adult, where the class was granted upon a proof; absent for riders of before. */
  classUntilMs?: number | null;
  issuerPart: Bytes;
  codeLifetimeMs: number;
  notAfterMs: number;
  /** When the issuer part was fetched. */
  fetchedMs: number;
  serverKeyHex: string;
  /** The server gives no new issuer part: gates refuse the account. */
  isDenied: boolean;
  /** Codes made with this key. */
  counter: number;
  /** The number of the newest voucher that has come. */
  cursor: number;
  /** As last seen; newest first. */
  journeys: Journey[];
  /** Exits of which no entry has come; absent for riders of before they were told. */
  exits?: Exit[];
  /** What was bought beforehand and what is on sale, as of a moment. */
  products?: { held: Product[]; onSale: Offer[]; asOfMs: number };
  /** When the journeys were last asked for. */
  journeysMs: number;
  /** What is shown at the exit of the open journey; absent for riders of before there were pictures. */
  picture?: Picture | null;
  /** What is left of stored value, as of a moment; null for who pays otherwise. */
  balance?: { minor: number; currency: string; asOfMs: number } | null;
  /** A payment app's code that is kept for a journey. */
  payCode?: PayCode | null;
}

const DATABASE = 'faregate-wallet';
const STORE = 'riders';

let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'account' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** All riders in the order in which they came. */
export async function allRiders(): Promise<Rider[]> {
  const db = await database();
  return inOrder(await done<Rider[]>(db.transaction(STORE).objectStore(STORE).getAll()));
}

/** The same in the one step that a start needs: the current rider's next number is counted when a code is to be made
 * with it; whether it was. */
export async function ridersAtStart(needsCode: (rider: Rider) => boolean): Promise<[Rider[], boolean]> {
  const db = await database();
  const store = db.transaction(STORE, 'readwrite').objectStore(STORE);
  const riders = inOrder(await done<Rider[]>(store.getAll()));
  const rider = currentOf(riders);
  if (rider === undefined || !needsCode(rider)) return [riders, false];
  rider.counter += 1;
  await done(store.put(rider));
  return [riders, true];
}

/** The rider whose code is shown: the one that was chosen last. */
export function currentOf(riders: Rider[]): Rider | undefined {
  const wanted = localStorage.getItem(CURRENT);
  return riders.find((rider) => rider.account === wanted) ?? riders[0];
}

export function chooseRider(account: string): void {
  localStorage.setItem(CURRENT, account);
}

export async function addRider(rider: Rider): Promise<void> {
  const db = await database();
  await done(db.transaction(STORE, 'readwrite').objectStore(STORE).put(rider));
  localStorage.setItem(ORDER, JSON.stringify([...savedOrder(), rider.account]));
}

export async function removeRider(account: string): Promise<void> {
  const db = await database();
  await done(db.transaction(STORE, 'readwrite').objectStore(STORE).delete(account));
  localStorage.setItem(ORDER, JSON.stringify(savedOrder().filter((known) => known !== account)));
}

/** Changes a rider in one step, so that two open pages never count one number twice. */
export async function changeRider(account: string, change: (rider: Rider) => void): Promise<Rider> {
  const db = await database();
  const store = db.transaction(STORE, 'readwrite').objectStore(STORE);
  const rider = await done<Rider | undefined>(store.get(account));
  if (rider === undefined) throw new Error('this rider is no longer on this phone');
  change(rider);
  await done(store.put(rider));
  return rider;
}

const ORDER = 'riders';
const CURRENT = 'current';

function inOrder(riders: Rider[]): Rider[] {
  const order = savedOrder();
  return riders.sort((a, b) => place(order, a) - place(order, b));
}

function savedOrder(): string[] {
  try {
    const order: unknown = JSON.parse(localStorage.getItem(ORDER) ?? '[]');
    return Array.isArray(order) ? order.filter((account) => typeof account === 'string') : [];
  } catch {
    return [];
  }
}

function place(order: string[], rider: Rider): number {
  const at = order.indexOf(rider.account);
  return at < 0 ? order.length : at;
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
