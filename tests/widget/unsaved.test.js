// What the next editor is offered of somebody's unsaved work.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { control, form } from './standin.js';
import { offers } from '../../assets/widget/unsaved.js';
import { TEXTS } from './english.js';

function offered(fields) {
  const notice = { shown: null, show(what) { this.shown = what; }, hide() { this.shown = null; } };
  const page = form(control('name', 'Blue'));
  const offer = offers(notice, page, TEXTS, '.add-row a');
  offer.take({ at: 1, by: 'Ada', fields, names: fields.map(([name]) => name), rows: {}, too_large: false });
  offer.allow(true);
  return { notice, page, offer };
}

test('what was filled in is said until somebody else edits', () => {
  const { notice, page, offer } = offered([['name', 'Green']]);
  notice.onaction('restore');
  assert.equal(page.get('name').value, 'Green');
  assert.ok(notice.shown);
  offer.allow(false);
  assert.equal(notice.shown, null);
});

test('what found no place stands nowhere else and stays in sight until it is put away', () => {
  const { notice, offer } = offered([['name', 'Green'], ['nowhere', 'kept']]);
  notice.onaction('restore');
  assert.ok(JSON.stringify(notice.shown.rows).includes('kept'), JSON.stringify(notice.shown));
  offer.allow(false);
  assert.ok(notice.shown);
  offer.allow(true);
  assert.ok(notice.shown);
  notice.onaction('done');
  assert.equal(notice.shown, null);
});
