import assert from 'node:assert/strict';
import { test } from 'node:test';
import { restore } from '../../assets/widget/reading.js';
import { load, plan, reachable, remembered } from '../../assets/widget/reload.js';

test('the first reload is spread over a second and a half', () => {
  assert.equal(plan(null, 7, 1_000_000, 0), 500);
  assert.equal(plan(null, 7, 1_000_000, 1), 2_000);
});

test('two reloads are three seconds apart', () => {
  assert.equal(plan({ version: 6, at: 1_000_000 }, 7, 1_000_400, 0), 2_600);
  assert.equal(plan({ version: 6, at: 1_000_000 }, 7, 1_002_900, 0), 500);
});

test('a reload that did not help is not tried again by itself', () => {
  assert.equal(plan({ version: 7, at: 1_000_000 }, 7, 1_010_000, 0), null);
  assert.equal(plan({ version: 7, at: 1_000_000 }, 7, 1_060_000, 0), 500, 'a minute later it may be another matter');
});

// A section of a form: Django's own since 5.1, or an older one.
const details = (open) => ({ open, matches: () => true });

function page(href, storage = new Map(), sections = []) {
  const calls = [];
  const url = new URL(href);
  return {
    calls,
    storage,
    scrollY: 120,
    document: { querySelectorAll: () => sections },
    addEventListener: () => {},
    location: { href, pathname: url.pathname, replace: (to) => calls.push(to) },
    sessionStorage: { setItem: (key, value) => storage.set(key, value), getItem: (key) => storage.get(key) ?? null },
    scrollTo: (...where) => calls.push(where),
  };
}

test('loading is a plain GET of the page without its fragment', () => {
  const window = page('https://x.test/admin/a/b/1/change/?next=1#general');
  load(window, 7, 1_000);
  assert.deepEqual(window.calls, ['https://x.test/admin/a/b/1/change/?next=1']);
  assert.deepEqual(remembered(window.sessionStorage, '/admin/a/b/1/change/'), { path: '/admin/a/b/1/change/', version: 7, at: 1_000, scrollY: 120, open: [] });
  assert.equal(remembered(window.sessionStorage, '/admin/a/b/2/change/'), null, 'another page has its own memory');
});

test('without storage a person can still reload', () => {
  const window = page('https://x.test/');
  window.sessionStorage.setItem = () => { throw new Error('denied'); };
  load(window, 7, 0);
  assert.equal(window.calls.length, 1);
  // Where it is forbidden, even to look at it throws.
  Object.defineProperty(window, 'sessionStorage', { get: () => { throw new Error('denied'); } });
  load(window, 7, 0);
  assert.equal(window.calls.length, 2);
  assert.equal(remembered(null, '/'), null);
  assert.equal(remembered({ getItem: () => 'junk' }, '/'), null);
});

test('the reader comes back to where they were, soon after, and only if still at the top', () => {
  const window = { ...page('https://x.test/'), scrollY: 0 };
  restore(window, { at: 0, scrollY: 300 }, 2_000);
  assert.deepEqual(window.calls, [[0, 300]]);
  restore(window, { at: 0, scrollY: 300 }, 20_000);
  restore({ ...window, scrollY: 50 }, { at: 0, scrollY: 300 }, 2_000);
  restore(window, null, 2_000);
  assert.equal(window.calls.length, 1);
});

test('a page is loaded only where there is one', async () => {
  const asks = async (answer) => {
    const asked = [];
    const there = await reachable(async (...call) => { asked.push(call); return answer(); }, '/de/admin/');
    assert.deepEqual([asked[0][0], asked[0][1].method], ['/de/admin/jsi18n/', 'HEAD']);
    return there;
  };
  for (const [status, want] of [[200, true], [302, true], [0, true], [404, true], [500, false], [502, false], [504, false]]) {
    assert.equal(await asks(() => ({ status })), want, status);
  }
  assert.equal(await asks(() => { throw new TypeError('no network'); }), false);
});

test('sections that were open are open again, if the page still has them', () => {
  const old = page('https://x.test/', new Map(), [details(true), details(false), details(true)]);
  load(old, 7, 1_000);
  const last = remembered(old.sessionStorage, '/');
  const sections = [details(false), details(false), details(false)];
  restore(page('https://x.test/', new Map(), sections), last, 2_000);
  assert.deepEqual(sections.map(({ open }) => open), [true, false, true]);
  const others = [details(false), details(false)];
  restore(page('https://x.test/', new Map(), others), last, 2_000);
  assert.deepEqual(others.map(({ open }) => open), [false, false]);
});
