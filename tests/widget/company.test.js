// What a browser puts back into a form after a reload: one's own, and what was somebody else's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockwork } from './standin.js';
import { company, FOREIGN } from '../../assets/widget/company.js';

function page(kept, sent = []) {
  const window = clockwork();
  window.document = { visibilityState: 'visible', addEventListener: () => {} };
  const session = { getItem: (key) => (key === `${FOREIGN}shop.product/3` ? kept : null) };
  const connection = { send: (...frame) => sent.push(frame) };
  return company({ config: { object: 'shop.product/3' }, connection, window, signal: new AbortController().signal, storage: { session } });
}
const RESTORED = { names: ['name', 'text'], fields: [['name', 'theirs'], ['text', 'mine']], base: [['name', 'n'], ['text', 't']], rows: {} };

test('what somebody else had typed is not taken for this person\'s work', () => {
  assert.deepEqual(page('["name"]').own(RESTORED), { names: ['text'], fields: [['text', 'mine']], base: [['text', 't']], rows: {} });
  assert.equal(page('["name","text","more"]').own(RESTORED), null);
  for (const none of [null, '', 'junk', '{}', '7']) assert.deepEqual(page(none).own(RESTORED), RESTORED, none);
  assert.equal(page('["name"]').own(null), null);
});

test('a new line is told at once what the person does', () => {
  const sent = [];
  const { heard } = page(null, sent);
  assert.deepEqual(sent.splice(0), [['presence', { activity: 'here' }]]);
  heard({ type: 'welcome', user_id: 'me' });
  assert.deepEqual(sent, [['presence', { activity: 'here' }]]);
});
