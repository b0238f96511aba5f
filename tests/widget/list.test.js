import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { colour, initials } from '../../assets/widget/people.js';
import { decode, encode } from '../../assets/widget/protocol.js';

test('initials are what people would write', () => {
  for (const [name, want] of [['Ada', 'A'], ['Ada Lovelace', 'AL'], ['ada.lovelace@x', 'AX'], ['Ana María de la Cruz', 'AC'], ['李 小龙', '李小'], ['😀 b', '😀B'], ['', ''], [' . ', '']]) {
    assert.equal(initials(name), want, name);
  }
});

test('a person keeps the colour', () => {
  assert.equal(colour('gWVm'), colour('gWVm'));
  assert.notEqual(colour('gWVm'), colour('gWVn'));
  assert.match(colour('😀'), /^hsl\(\d+ 60% 30%\)$/);
});

test('what a list says first is its golden frame', () => {
  const folder = new URL('../fixtures/protocol/from_list/', import.meta.url);
  const files = readdirSync(folder);
  assert.deepEqual(files, ['join.json']);
  const { type, ...fields } = JSON.parse(readFileSync(new URL(files[0], folder), 'utf8'));
  assert.deepEqual(JSON.parse(encode(type, fields)), { type, ...fields });
});

test('a row of nobody is null, and an odd row makes no frame', () => {
  const badge = { user_id: 'u', name: 'Ada', since: 1, you: false, saving: false };
  assert.notEqual(decode(JSON.stringify({ type: 'list_status', rows: { 3: badge, 4: null } })), null);
  for (const odd of [7, 'x', [], { ...badge, name: 1 }, { ...badge, you: undefined }]) {
    assert.equal(decode(JSON.stringify({ type: 'list_status', rows: { 3: odd } })), null, JSON.stringify(odd));
  }
});
