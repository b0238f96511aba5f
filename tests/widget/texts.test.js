import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fill, sentence } from '../../assets/widget/texts.js';
import { TEXTS } from './english.js';

test('names are filled in, and what has no value stays visible', () => {
  assert.equal(fill('{a} and {b} and {a}', { a: 'x', b: 2 }), 'x and 2 and x');
  assert.equal(fill('{editr_name} {toString}', { editor_name: 'Ada' }), '{editr_name} {toString}');
});

test('a name that looks like a hole or a pattern is only a name', () => {
  assert.equal(fill('{a}', { a: '{b} $& <b>' , b: 'no' }), '{b} $& <b>');
});

test('a text set to nothing says nothing', () => {
  const view = { lines: ['free_text', 'next_text'], values: {} };
  assert.equal(sentence(view, { ...TEXTS, free_text: '' }), 'You are next.');
});

test('an unknown name is somebody, with a capital at the start', () => {
  const view = { lines: ['saving_text'], values: { editor_name: '' } };
  assert.equal(sentence(view, TEXTS), 'Somebody else is saving.');
});

test('no English text has a hole that nothing fills', () => {
  for (const [key, text] of Object.entries(TEXTS)) {
    const filled = ['editor_name', 'position', 'names', 'count', 'time', 'later', 'lost_to', 'passed_to', 'from', 'fields', 'username', 'reason'];
    for (const [, name] of text.matchAll(/\{(\w+)\}/g)) assert.ok(filled.includes(name), `${key}: ${name}`);
  }
});
