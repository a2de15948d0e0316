// A step of a price as a sentence in the rider's language: `step.` and its code in the language's file.

import type { FareStep, Station, StepValue } from '../server/api';

/** A language: its sentences, and how it writes what is filled in. */
export interface Tongue {
  sentence(key: string): string | undefined;
  station(station: Station): string;
  money(minor: number, currency: string): string;
  /** `unit` is one of Intl's. */
  number(value: number, unit?: 'kilometer' | 'percent' | 'day'): string;
}

/** A sentence with its `{blanks}` filled in. */
export function fill(sentence: string, values: Record<string, string | number>): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** What a step says. A code that this wallet does not know is said in the server's English. */
export function stepSentence(step: FareStep, currency: string, tongue: Tongue): string {
  const sentence = tongue.sentence(`step.${step.code}`);
  if (sentence === undefined) return step.text;
  const said: Record<string, string> = {};
  for (const [name, value] of Object.entries(step.values ?? {})) {
    if (value !== null) said[name] = valueSaid(name, value, currency, tongue);
  }
  // The period and the class for which a fare was named, where there are such.
  const more = ['period', 'class'].filter((name) => !sentence.includes(`{${name}}`)).map((name) => said[name]);
  return more.reduce<string>(
    (whole, also) => (also === undefined ? whole : fill(word('step.also', tongue), { step: whole, also })),
    fill(sentence, said),
  );
}

function valueSaid(name: string, value: NonNullable<StepValue>, currency: string, tongue: Tongue): string {
  if (typeof value === 'object') {
    if ('id' in value) return tongue.station(value);
    return fill(word(`step.rounding.${value.how}`, tongue), { unit: tongue.money(value.to_minor, currency) });
  }
  if (typeof value === 'number') {
    if (name.endsWith('_minor')) return tongue.money(value, currency);
    if (name === 'metres' || name.endsWith('_m')) return tongue.number(value / 1000, 'kilometer');
    return name === 'percent' ? tongue.number(value, 'percent') : tongue.number(value);
  }
  if (name === 'class') return word(`riders.class.${value}`, tongue);
  return name === 'span' ? word(`step.span.${value}`, tongue) : value;
}

function word(key: string, tongue: Tongue): string {
  return tongue.sentence(key) ?? key;
}
