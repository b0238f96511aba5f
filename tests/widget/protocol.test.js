// Both sides read the golden files of tests/fixtures/protocol: one frame a file, one file a message.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decode, encode, FROM_PAGE, nameOf, TO_PAGE } from '../../assets/widget/protocol.js';

function golden(direction) {
  const folder = new URL(`../fixtures/protocol/${direction}/`, import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  assert.ok(files.length > 0, `no golden files in ${direction}`);
  return files.map((name) => ({ name: name.replace('.json', ''), text: readFileSync(new URL(name, folder), 'utf8').trim() }));
}

test('every golden frame to the page is understood', () => {
  for (const { name, text } of golden('to_page')) assert.deepEqual(decode(text), JSON.parse(text), name);
});

test('every golden frame from the page is what we write', () => {
  for (const { name, text } of golden('from_page')) {
    const { type, ...fields } = JSON.parse(text);
    assert.deepEqual(JSON.parse(encode(type, fields)), JSON.parse(text), name);
  }
});

test('every message has a golden file and every golden file a message', () => {
  const types = (direction) => [...new Set(golden(direction).map(({ text }) => JSON.parse(text).type))].sort();
  assert.deepEqual(types('to_page'), Object.keys(TO_PAGE).sort());
  assert.deepEqual(types('from_page'), Object.keys(FROM_PAGE).sort());
});

test('a frame that lacks a field or has a wrong one is not understood', () => {
  for (const { name, text } of golden('to_page')) {
    for (const field of Object.keys(TO_PAGE[JSON.parse(text).type])) {
      if (TO_PAGE[JSON.parse(text).type][field](undefined)) continue; // may be left out
      const without = JSON.parse(text);
      delete without[field];
      assert.equal(decode(JSON.stringify(without)), null, `${name} without ${field}`);
      assert.equal(decode(JSON.stringify({ ...without, [field]: [7] })), null, `${name} with an odd ${field}`);
    }
  }
});

test('what a newer proxy says is passed over in silence', () => {
  for (const text of ['{"type":"dance"}', '{"type":"toString"}', '{"type":"__proto__"}', '{}', '[]', 'null', '7', '"x"', '', 'junk']) {
    assert.equal(decode(text), null, text);
  }
  const known = JSON.parse(golden('to_page').find(({ name }) => name === 'error').text);
  assert.notEqual(decode(JSON.stringify({ ...known, more: 1 })), null, 'new fields do no harm');
});

test('the widget cannot send what the protocol does not have', () => {
  assert.throws(() => encode('dance'), TypeError);
  assert.throws(() => encode('join'), TypeError);
  assert.throws(() => encode('input', { dirty: 'yes' }), TypeError);
});

test('a person is a string, a record, or nobody', () => {
  assert.deepEqual([nameOf('Ada'), nameOf({ name: 'Ada' }), nameOf({}), nameOf(null), nameOf(7)], ['Ada', 'Ada', '', '', '']);
});
