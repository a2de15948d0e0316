// The words on the page, in the language that the rider chose; one file for each in `lang/`.

import type { Station } from '../server/api';
import { type Tongue, fill } from './fareStep';

type Words = Record<string, string>;

const FILES = import.meta.glob<Words>('../lang/*.json', { import: 'default' });

/** Languages by the names of their files, in the order in which they are offered. */
export const LANGUAGES: readonly { id: string; name: string }[] = [
  { id: 'en', name: 'English' },
  { id: 'zh', name: '中文' },
  { id: 'ar', name: 'العربية' },
];

const CHOSEN = 'language';

let words: Words = {};
let chosen = 'en';

/** Loads the language that was chosen, or the first of the browser's that there is. */
export async function loadWords(): Promise<void> {
  const wanted = [localStorage.getItem(CHOSEN) ?? '', ...navigator.languages];
  const known = wanted.map((tag) => tag.slice(0, 2)).find((id) => LANGUAGES.some((language) => language.id === id));
  await use(known ?? 'en');
}

export async function chooseLanguage(id: string): Promise<void> {
  localStorage.setItem(CHOSEN, id);
  await use(id);
}

async function use(id: string): Promise<void> {
  const load = FILES[`../lang/${id}.json`];
  if (load === undefined) throw new Error(`there is no language ${id}`);
  words = await load();
  chosen = id;
  document.documentElement.lang = say('code');
  document.documentElement.dir = say('dir');
  document.title = say('title');
}

export function language(): string {
  return chosen;
}

/** A sentence, with `{names}` filled in. */
export function say(key: string, values: Record<string, string | number> = {}): string {
  return fill(words[key] ?? key, values);
}

/** A station as this rider reads it. */
export function stationName(station: Station): string {
  return chosen === 'zh' ? station.local : station.name;
}

export function money(minor: number, currency: string): string {
  const format = new Intl.NumberFormat(say('code'), { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** "This, that and the other". */
export function all(names: string[]): string {
  return new Intl.ListFormat(say('code'), { type: 'conjunction' }).format(names);
}

/** The language for sentences that are put together elsewhere. */
export const tongue: Tongue = {
  sentence: (key) => words[key],
  station: stationName,
  money,
  number: (value, unit) => {
    const style = unit === undefined ? {} : ({ style: 'unit', unit } as const);
    return new Intl.NumberFormat(say('code'), { ...style, maximumFractionDigits: 1 }).format(value);
  },
};

export function clockTime(ms: number): string {
  return new Intl.DateTimeFormat(say('code'), { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(ms);
}

export function date(ms: number): string {
  return new Intl.DateTimeFormat(say('code'), { day: 'numeric', month: 'short', year: 'numeric' }).format(ms);
}

export function dayAndTime(ms: number): string {
  const format = { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' } as const;
  return new Intl.DateTimeFormat(say('code'), { ...format, hourCycle: 'h23' }).format(ms);
}

/** The day, said shortly: today's is its time alone. */
export function when(ms: number, nowMs: number): string {
  const isToday = new Date(ms).toDateString() === new Date(nowMs).toDateString();
  return isToday ? clockTime(ms) : dayAndTime(ms);
}
