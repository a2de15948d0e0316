import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const files = readdirSync('src/lang');
const read = (file: string): Record<string, string> => JSON.parse(readFileSync(`src/lang/${file}`, 'utf8'));
const english = read('en.json');

test('every language says everything, with the same blanks to fill in', () => {
  assert.ok(files.length >= 3);
  const blanks = (sentence: string | undefined): string[] => (sentence?.match(/\{\w+\}/g) ?? []).sort();
  for (const file of files) {
    const words = read(file);
    assert.deepEqual(Object.keys(words).sort(), Object.keys(english).sort(), file);
    for (const [key, sentence] of Object.entries(english)) {
      assert.deepEqual(blanks(words[key]), blanks(sentence), `${file}: ${key}`);
    }
  }
});

test('no sentence is written that nobody says', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(`src/${name}`, 'utf8'))
    .join('\n');
  const made = ['exit.', 'journey.state.', 'missing.', 'riders.class.', 'step.'];
  for (const key of Object.keys(english)) {
    if (key === 'name' || made.some((start) => key.startsWith(start))) continue;
    assert.ok(sources.includes(`'${key}'`), `nobody says ${key}`);
  }
});
