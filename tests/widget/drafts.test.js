import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AGE, changes, find, forget, isIn, keep, MOST } from '../../assets/widget/drafts.js';

class Storage {
  #kept = new Map();

  get length() { return this.#kept.size; }

  key(i) { return [...this.#kept.keys()][i] ?? null; }

  getItem(key) { return this.#kept.get(key) ?? null; }

  setItem(key, text) { this.#kept.set(key, text); }

  removeItem(key) { this.#kept.delete(key); }
}

const draft = (text) => ({ page: 'p', version: 7, names: ['name'], fields: [['name', text]], base: [['name', '']] });

test('a draft is found by its person and object only', () => {
  const storage = new Storage();
  assert.equal(keep(storage, 'ada', 'shop.product/1', draft('typed'), 1000), true);
  assert.equal(find(storage, 'ada', 'shop.product/1', 1001).fields[0][1], 'typed');
  assert.equal(find(storage, 'grace', 'shop.product/1', 1001), null);
  assert.equal(find(storage, 'ada', 'shop.product/11', 1001), null);
  forget(storage, 'ada', 'shop.product/1');
  assert.equal(find(storage, 'ada', 'shop.product/1', 1001), null);
});

test('old drafts are not offered, and the oldest of many go', () => {
  const storage = new Storage();
  keep(storage, 'ada', 'a.b/1', draft('x'), 1000);
  assert.notEqual(find(storage, 'ada', 'a.b/1', 999 + AGE), null);
  assert.equal(find(storage, 'ada', 'a.b/1', 1000 + AGE), null);
  storage.setItem('another', 'key of the site');
  for (let i = 2; i < 40; i += 1) keep(storage, 'ada', `a.b/${i}`, draft('x'), 1000 + i);
  assert.equal(find(storage, 'ada', 'a.b/1', 2000), null);
  assert.notEqual(find(storage, 'ada', 'a.b/39', 2000), null);
  assert.equal(storage.length, 21, 'twenty drafts, and what is not ours');
});

test('what is too large, or has no place, is said not to be kept', () => {
  assert.equal(keep(new Storage(), 'ada', 'a.b/1', draft('x'.repeat(MOST)), 0), false);
  const full = new Storage();
  full.setItem = () => { throw new Error('QuotaExceededError'); };
  assert.equal(keep(full, 'ada', 'a.b/1', draft('x'), 0), false);
  assert.equal(keep(null, 'ada', 'a.b/1', draft('x'), 0), false);
  assert.equal(find(null, 'ada', 'a.b/1', 0), null);
  forget(null, 'ada', 'a.b/1');
});

test('junk in the storage is no draft', () => {
  for (const junk of ['', '{', 'null', '7', '{"v":1}', '{"v":2,"at":0,"names":[],"fields":[],"base":[]}']) {
    const storage = new Storage();
    storage.setItem('collab-draft:ada:a.b/1', junk);
    assert.equal(find(storage, 'ada', 'a.b/1', 0), null, junk);
    assert.equal(keep(storage, 'ada', 'a.b/2', draft('x'), 0), true, 'and stands in nobody\'s way');
  }
});

test('only what differs is work', () => {
  const before = [['name', 'a'], ['tags', '1'], ['tags', '2'], ['on', 'on'], ['note', 'same']];
  const now = [['name', 'b'], ['tags', '2'], ['tags', '1'], ['note', 'same']];
  const { names, fields, base } = changes(before, now);
  assert.deepEqual(names, ['name', 'on'], 'the order of choices does not matter; a box that was unticked does');
  assert.deepEqual(fields, [['name', 'b']]);
  assert.deepEqual(base, [['name', 'a'], ['on', 'on']]);
  assert.deepEqual(changes(before, before).names, []);
});

test('a form that shows a draft\'s values needs no offer', () => {
  const kept = { names: ['name', 'on'], fields: [['name', 'b']], base: [] };
  assert.equal(isIn(kept, [['name', 'b'], ['other', 'x']]), true);
  assert.equal(isIn(kept, [['name', 'b'], ['on', 'on']]), false);
  assert.equal(isIn(kept, [['name', 'a']]), false);
});
