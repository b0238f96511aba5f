// What is said of a draft, and what becomes of it when the page cannot be edited any more.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockwork, control, form } from './standin.js';
import { TEXTS } from './english.js';
import { Draft } from '../../assets/widget/draft.js';
import { find, keep } from '../../assets/widget/drafts.js';
import { setBoxes } from '../../assets/widget/rich.js';

const ADA = '7';
const PRODUCT = 'shop.product/3';
const before = (value, older) => ({ page: 'earlier', version: 1, names: ['name'], fields: [['name', value]], base: [], ...(older ? { older } : {}) });

function storage() {
  const kept = new Map();
  return {
    get length() { return kept.size; },
    key: (i) => [...kept.keys()][i] ?? null,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, text) => kept.set(key, text),
    removeItem: (key) => kept.delete(key),
  };
}

// A page of Ada's on which a draft is kept. `page.says`: what the notice shows, and null when it is hidden.
function page(draft, ...controls) {
  return pageOf({}, draft, ...controls);
}

function pageOf(more, draft, ...controls) {
  const store = storage();
  keep(store, ADA, PRODUCT, draft, Date.now());
  const shown = { says: null, store, form: form(...controls) };
  const notice = { show: ({ text, rows }) => { shown.says = { text, rows }; }, hide: () => { shown.says = null; } };
  const config = { user: { user_id: ADA }, object: PRODUCT, can_edit: true, version: 1, page_id: 'now', add_row: '', ...more };
  shown.draft = new Draft(shown.form, config, TEXTS, notice, { storage: store, window: clockwork() });
  shown.draft.look(null);
  shown.draft.setEditable(true);
  shown.press = (id) => notice.onaction(id);
  return shown;
}

test('what was filled in is not spoken of any more once somebody has taken the page over', () => {
  const ada = page(before('Bluer'), control('name', 'Blue'));
  ada.press('restore');
  assert.match(ada.says.text, /^Filled in, and not saved yet: name/);
  ada.draft.setEditable(false);
  assert.equal(ada.says, null);
});

test('… but what found no place is shown nowhere else, and stays', () => {
  const ada = page({ ...before('Bluer'), names: ['name', 'gone'], fields: [['name', 'Bluer'], ['gone', 'dear words']] }, control('name', 'Blue'));
  ada.press('restore');
  ada.draft.setEditable(false);
  assert.match(JSON.stringify(ada.says.rows), /dear words/);
});

test('the draft before the one that was answered is called so', () => {
  const ada = page(before('Second', before('First')), control('name', 'Blue'));
  assert.match(ada.says.text, /^You have unsaved changes of this page from /);
  ada.press('forget');
  assert.match(ada.says.text, /^There are earlier unsaved changes of yours too, from /);
  ada.press('forget');
  assert.equal(ada.says, null);
  assert.equal(find(ada.store, ADA, PRODUCT, Date.now()), null);
});

test('what is filled into a rich-text editor is marked on the editor, for its textarea is hidden', () => {
  setBoxes('.ck-editor');
  globalThis.window = {};
  const box = { ...control('', ''), matches: () => true, querySelectorAll: () => [] };
  const area = { ...control('name', 'Blue'), nextElementSibling: box, matches: (selector) => selector === 'textarea' };
  const ada = page(before('Bluer'), area);
  ada.press('restore');
  setBoxes();
  assert.deepEqual([[...box.marks], [...area.marks]], [['data-collab-filled'], []]);
});

test('a draft is called unsaved only where that is known', () => {
  const blind = pageOf({ version: 0, saved_pages: [] }, before('Bluer'), control('name', 'Blue'));
  assert.match(blind.says.text, /^You have changes of this page from .*It cannot be told at the moment whether they were saved; compare/);
  assert.doesNotMatch(blind.says.text, /unsaved|saved since/);
});

test('what was saved without the spaces around it is no work that is left', () => {
  assert.equal(pageOf({ version: 0 }, before(' Bluer '), control('name', 'Bluer')).says, null);
  assert.notEqual(pageOf({ version: 0 }, before('Blu er'), control('name', 'Bluer')).says, null);
});
