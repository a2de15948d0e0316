import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { FareStep, StepValue } from '../src/server/api';
import { type Tongue, stepSentence } from '../src/view/fareStep';

/** Every step there is, by its code: crates/fare-protocol/tests/fare_steps.rs. */
const steps: Record<string, { english: string; values: Record<string, StepValue> }> = JSON.parse(
  readFileSync('../tests/golden/fare-steps.json', 'utf8'),
);
const station = (id: string) => ({ id, name: `${id}-name`, local: `${id}-local` });

function tongue(file: string): Tongue {
  const words: Record<string, string> = JSON.parse(readFileSync(`src/lang/${file}`, 'utf8'));
  return {
    sentence: (key) => words[key],
    station: ({ name }) => name,
    money: (minor, currency) => `${currency} ${minor / 100}`,
    number: (value, unit) => `${value}${unit === undefined ? '' : ` ${unit}`}`,
  };
}

/** The step as the server sends it: stations with their names. */
function sent(code: string): FareStep {
  const { english, values } = steps[code] ?? assert.fail(code);
  const named = Object.entries(values).map(([name, value]) => {
    const isStation = ['from', 'to', 'at'].includes(name) && typeof value === 'string';
    return [name, isStation ? station(value) : value];
  });
  return { code, values: Object.fromEntries(named), text: english, minor: 100 };
}

test('every step has its sentence in every language, with every value in it', () => {
  assert.ok(Object.keys(steps).length >= 19);
  for (const file of readdirSync('src/lang')) {
    const words = tongue(file);
    for (const code of Object.keys(steps)) {
      const step = sent(code);
      assert.notEqual(words.sentence(`step.${code}`), undefined, `${file}: step.${code}`);
      const sentence = stepSentence(step, 'CNY', words);
      assert.doesNotMatch(sentence, /[{}]|step\.|riders\.|undefined|null|\[object/, `${file}: ${sentence}`);
      for (const [name, value] of Object.entries(step.values ?? {})) {
        const shown = typeof value === 'object' && value !== null && 'name' in value ? value.name : null;
        if (shown !== null) assert.ok(sentence.includes(shown), `${file}: ${code} without ${name}: ${sentence}`);
        if (name.endsWith('_minor')) {
          assert.ok(sentence.includes(`CNY ${Number(value) / 100}`), `${file}: ${code} without ${name}: ${sentence}`);
        }
      }
    }
  }
});

test('what a fare was named for stands behind it, and only where it was', () => {
  const step = sent('flat');
  assert.equal(stepSentence(step, 'CNY', tongue('en.json')), 'PGY-name to GMO-name: the flat fare, peak, Child');
  assert.equal(stepSentence(step, 'CNY', tongue('zh.json')), 'PGY-name 到 GMO-name:统一票价,peak,儿童');
  const plain = { ...step, values: { ...step.values, period: null, class: null } };
  assert.equal(stepSentence(plain, 'CNY', tongue('en.json')), 'PGY-name to GMO-name: the flat fare');
});

test('a distance, a share and a cap in words', () => {
  const english = tongue('en.json');
  assert.equal(
    stepSentence(sent('distance'), 'CNY', english),
    'PGY-name to GMO-name, 21.345 kilometer: the fare up to 22 kilometer, peak, Child',
  );
  assert.equal(
    stepSentence(sent('class-share'), 'CNY', english),
    'Student pays 50 percent, rounded to the nearest CNY 0.1',
  );
  assert.equal(stepSentence(sent('cap'), 'CNY', english), 'daily: CNY 15 paid today, at most CNY 20');
});

test('a step of before there were codes, and one that is newer, are said in English', () => {
  const words = tongue('ar.json');
  assert.equal(stepSentence({ text: 'up to 6 km', minor: 300 }, 'CNY', words), 'up to 6 km');
  const newer = { code: 'teleport', values: { to: station('GMO') }, text: 'beamed to GMO', minor: 0 };
  assert.equal(stepSentence(newer, 'CNY', words), 'beamed to GMO');
  assert.equal(stepSentence(sent('said'), 'CNY', words), 'up to 6 km');
});
