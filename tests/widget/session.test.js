// A page whose person was signed out counts as signed out until its form is fit for the new login.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renewCsrf, Session } from '../../assets/widget/session.js';

const frame = (fields) => ({ type: 'frame', frame: fields });
const OUT = frame({ type: 'session', signed_in: false });
const IN = frame({ type: 'session', signed_in: true });
const WELCOME = frame({ type: 'welcome' });
const settled = () => new Promise((done) => setImmediate(done));

function stage() {
  const said = [];
  const renewals = [];
  const session = new Session({
    check: () => said.push('check'),
    renew: () => new Promise((resolve, reject) => renewals.push({ resolve, reject })),
    onBack: () => said.push('back'),
  });
  return { session, said, renewals };
}

test('whoever was never signed out is asked nothing', () => {
  const { session, said, renewals } = stage();
  for (const event of [WELCOME, IN]) session.heard(event);
  assert.deepEqual([session.lost, said, renewals.length], [false, [], 0]);
});

test('back only when the form is fit', async () => {
  for (const out of [OUT, { type: 'ended', reason: 'signed_out' }]) {
    const { session, said, renewals } = stage();
    for (const event of [out, WELCOME, IN]) session.heard(event);
    await settled();
    assert.deepEqual([session.lost, said], [true, ['check']]);
    renewals[0].resolve(true);
    await settled();
    assert.deepEqual([session.lost, said], [false, ['check', 'back']]);
  }
});

test('a renewal that fails leaves it open, and the next one mends it', async () => {
  const { session, said, renewals } = stage();
  for (const event of [OUT, IN]) session.heard(event);
  renewals[0].reject(new TypeError('no network'));
  await settled();
  session.heard(IN);
  renewals[1].resolve(false);
  await settled();
  assert.deepEqual([session.lost, said], [true, []]);
  session.heard(IN);
  renewals[2].resolve(true);
  await settled();
  assert.deepEqual([session.lost, said], [false, ['back']]);
});

test('signed out once more while the form is renewed', async () => {
  const { session, said, renewals } = stage();
  for (const event of [OUT, IN, OUT]) session.heard(event);
  renewals[0].resolve(true);
  await settled();
  assert.deepEqual([session.lost, said], [true, []]);
});

// As much of a window as is looked at.
function page(inputs, answer) {
  const found = (token) => (token === null ? null : { value: token });
  return {
    document: { querySelectorAll: () => inputs },
    location: { pathname: '/admin/a/b/1/change/', search: '' },
    fetch: async () => ({ ok: answer !== null, text: async () => answer ?? '' }),
    DOMParser: class { parseFromString(text) { return { querySelector: () => found(text || null) }; } },
  };
}

test('the CSRF token of the page as it is now', async () => {
  const inputs = [{ value: 'old' }, { value: 'old' }];
  assert.equal(await renewCsrf(page(inputs, 'new')), true);
  assert.deepEqual(inputs.map(({ value }) => value), ['new', 'new']);
  assert.equal(await renewCsrf(page(inputs, null)), false);
  assert.equal(await renewCsrf(page(inputs, '')), false);
  assert.deepEqual(inputs.map(({ value }) => value), ['new', 'new']);
  assert.equal(await renewCsrf(page([], null)), true, 'a form without one needs none');
});
