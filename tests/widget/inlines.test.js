// The rule that keeps what was typed in the row it was typed for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carriedOver, rowsFor, rowsOf } from '../../assets/widget/inlines.js';

const form = (...ids) => [
  ['r-TOTAL_FORMS', String(ids.length + 1)],
  ['r-INITIAL_FORMS', String(ids.length)],
  ...ids.flatMap((id, row) => [[`r-${row}-id`, id], [`r-${row}-product`, '1'], [`r-${row}-order`, String(row)]]),
  [`r-${ids.length}-id`, ''],
];

test('a row is its object, whatever its number', () => {
  const rows = rowsOf(form('7', '8'));
  assert.deepEqual(rows, { r: { saved: 2, keys: ['id=7', 'id=8'] } });
  const draft = { names: ['name', 'r-0-DELETE', 'r-1-text', 'r-2-text'], fields: [['name', 'n'], ['r-0-DELETE', 'on'], ['r-1-text', 'EIGHT'], ['r-2-text', 'new']], base: [['r-1-text', 'eight']], rows };
  assert.deepEqual(carriedOver(draft, rowsOf(form('7', '8'))).names, draft.names, 'nothing has moved');
  // 7 was deleted, 9 and 10 added.
  assert.deepEqual(carriedOver(draft, rowsOf(form('8', '9', '10'))), {
    names: ['name', 'r-0-text', 'r-3-text'],
    fields: [['name', 'n'], ['r-0-text', 'EIGHT'], ['r-3-text', 'new']],
    base: [['r-0-text', 'eight']],
    gone: [['r-0-DELETE', 'on']],
  });
  assert.deepEqual(carriedOver(draft, {}).gone, [['r-0-DELETE', 'on'], ['r-1-text', 'EIGHT']], 'no such formset any more');
});

test('rows without an id are told apart by all their hidden fields, else by their numbers', () => {
  const hidden = [['a-b-INITIAL_FORMS', '2'], ['a-b-0-uid', 'x'], ['a-b-0-owner', '1'], ['a-b-1-uid', 'y'], ['a-b-1-owner', '1'], ['a-INITIAL_FORMS', '1']];
  assert.deepEqual(rowsOf(hidden), { 'a-b': { saved: 2, keys: ['owner=1\nuid=x', 'owner=1\nuid=y'] }, a: { saved: 1, keys: ['#0'] } });
});

test('only the formsets of these fields travel', () => {
  const rows = rowsOf([['a-INITIAL_FORMS', '0'], ['b-INITIAL_FORMS', '0']]);
  assert.deepEqual(rowsFor(rows, ['name', 'b-0-text', 'c-0-text']), { b: { saved: 0, keys: [] } });
  assert.deepEqual(rowsFor({}, ['b-0-text']), {});
});

test('a name that is no row of a formset stays', () => {
  const draft = { names: ['x-1-2', '1-2-3', '-'], fields: [], rows: { r: { saved: 1, keys: ['id=1'] } } };
  assert.deepEqual(carriedOver(draft, {}).names, draft.names);
});
