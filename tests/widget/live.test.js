// The edit as it happens: what leaves the editor's page, and that a form goes back to what it was.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockwork, control, form, hidden } from './standin.js';
import { LiveView, Sharing } from '../../assets/widget/live.js';
import { pack } from '../../assets/widget/unsaved.js';

const NOTHING = { names: [], fields: [] };
const typed = (name, value) => ({ names: [name], fields: [[name, value]] });

// An editor's page: `page.unsaved` is what differs from what is saved, `page.sent` what others were told.
function editor(...controls) {
  const page = { unsaved: NOTHING, sent: [], clock: clockwork() };
  const { setTimeout, clearTimeout } = page.clock;
  const send = (type, frame) => page.sent.push({ type, ...frame });
  page.sharing = new Sharing(form(...controls), { unsaved: () => page.unsaved, send, setTimeout, clearTimeout });
  page.tells = () => {
    page.sharing.changed();
    page.clock.run();
    return page.sent.splice(0);
  };
  return page;
}

test('what was taken back while nobody read along is told to who comes next', () => {
  const page = editor(control('name', 'Blue'));
  page.sharing.set(true);
  page.unsaved = typed('name', 'Bluer');
  assert.deepEqual(page.tells().map(({ fields }) => fields), [[['name', 'Bluer']]]);
  assert.deepEqual(page.tells(), [], 'nothing new, nothing said');
  page.sharing.set(false);
  page.unsaved = NOTHING;
  assert.deepEqual(page.tells(), [], 'with nobody there nothing leaves the page');
  page.sharing.set(true);
  assert.deepEqual(page.tells().map(({ names, fields }) => [names, fields]), [[['name'], [['name', 'Blue']]]]);
});

test('after too much, everything that was ever told is told as it is now', () => {
  const page = editor(control('name', 'Blue'), control('text', ''));
  page.sharing.set(true);
  page.unsaved = typed('name', 'Bluer');
  page.tells();
  page.unsaved = typed('text', 'x'.repeat(48 * 1024));
  assert.deepEqual(page.tells().map((frame) => frame.too_large), [true]);
  assert.deepEqual(page.tells(), [], 'said once');
  page.unsaved = NOTHING;
  assert.deepEqual(page.tells().map(({ names, fields, too_large: large }) => [names, fields, large]), [[['name'], [['name', 'Blue']], false]]);
});

test('who runs through the fields is not followed step by step', () => {
  const page = editor(control('name', ''));
  page.sharing.focus('unheard');
  assert.equal(page.clock.run(), 0);
  page.sharing.set(true);
  page.clock.run();
  for (const name of ['a', 'b', null, 'c']) page.sharing.focus(name);
  assert.deepEqual(page.sent, [], 'not at once');
  page.clock.run();
  assert.deepEqual(page.sent, [{ type: 'field_focus', name: 'c' }]);
});

const inline = (...owners) => [
  hidden('r-TOTAL_FORMS', String(owners.length)), hidden('r-INITIAL_FORMS', String(owners.length)),
  ...owners.flatMap((owner, row) => [hidden(`r-${row}-owner`, owner), control(`r-${row}-text`, `of ${owner}`)]),
];
const viewer = (shown, lift = (work) => work()) => new LiveView(shown, { addRow: '.add', removeRow: '.remove', lift });

test('hidden fields tell rows apart, and nobody is told what is in them', () => {
  const page = editor(...inline('SECRET-1', 'SECRET-2'));
  page.sharing.set(true);
  page.unsaved = typed('r-1-text', 'typed');
  const [frame] = page.tells();
  assert.deepEqual(Object.keys(frame.rows), ['r']);
  const left = pack({ ...page.unsaved, rows: { r: { saved: 1, keys: ['owner=SECRET-1'] } } });
  for (const said of [frame, left]) assert.doesNotMatch(JSON.stringify(said.rows), /SECRET|owner/);
  // The other's page finds the row all the same, wherever it stands there.
  const there = form(...inline('SECRET-2', 'SECRET-1'));
  viewer(there).show(frame);
  assert.deepEqual(['r-0-text', 'r-1-text'].map((name) => there.get(name).value), ['typed', 'of SECRET-1']);
});

test('a form goes back to what it showed, whatever scripts have made of it', () => {
  // A script of the site writes the short name whenever the name changes; the person who opened it had another.
  const slug = control('slug', 'my-own', { defaultValue: 'as-rendered' });
  const name = control('name', 'Blue', { heard: () => { slug.value = name.value.toLowerCase(); } });
  const shown = form(slug, name);
  const live = viewer(shown);
  live.show({ whole: false, ...typed('name', 'Red') });
  live.focus('name');
  assert.deepEqual([name.value, slug.value, live.showing, [...name.marks]], ['Red', 'red', true, ['data-collab-live', 'data-collab-here']]);
  live.clear();
  assert.deepEqual([name.value, slug.value, live.showing, [...name.marks]], ['Blue', 'my-own', false, []]);
  // The next time begins with what the form shows then.
  name.value = 'Green';
  live.show({ whole: false, ...typed('name', 'Red') });
  live.clear();
  assert.equal(name.value, 'Green');
});

test('a field that cannot be made here is no reason to touch the form', () => {
  let lifted = 0;
  const shown = form(control('name', 'Blue'));
  const live = viewer(shown, (work) => {
    lifted += 1;
    work();
  });
  live.show({ whole: false, names: ['r-5-text', 'name'], fields: [['r-5-text', 'x'], ['name', 'Red']] });
  assert.deepEqual([lifted, shown.get('name').value], [0, 'Red']);
});
