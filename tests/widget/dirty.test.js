// What counts as somebody's own work, and what does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockwork, control, form } from './standin.js';
import { watch } from '../../assets/widget/dirty.js';

function page() {
  const shown = form(control('name', 'saved'));
  const state = { frozen: false, dirty: [], window: clockwork(), name: shown.get('name') };
  const { signal } = new AbortController();
  const watched = watch(shown, {
    window: state.window, signal,
    frozen: () => state.frozen,
    onDirty: (dirty) => state.dirty.push(dirty),
    onActive: () => {},
  });
  state.begin = watched.begin;
  state.changed = (trusted) => {
    assert.ok(state.window.fire('change', { isTrusted: trusted, composedPath: () => [state.name, shown] }) > 0);
  };
  return state;
}

test('what a read-only form shows of somebody else is no start to compare with', () => {
  const state = page();
  state.frozen = true;
  state.name.value = 'theirs';
  assert.ok(state.window.fire('load') > 0);
  // It goes back, and the form comes alive.
  state.name.value = 'saved';
  state.frozen = false;
  state.window.fire('focus');
  state.window.run();
  assert.deepEqual(state.dirty, []);
  state.name.value = 'mine';
  state.changed(true);
  state.window.run();
  assert.deepEqual(state.dirty, [true]);
});

test('what was filled in without a touch is work, also after the first touch', () => {
  const state = page();
  state.name.value = 'filled in';
  state.changed(false);
  assert.ok(state.window.fire('pointerdown') > 0);
  assert.deepEqual(state.dirty, [true]);
  state.changed(true);
  state.window.run();
  assert.deepEqual(state.dirty, [true]);
});

test('what scripts do before anybody touches the page is nobody\'s work', () => {
  const state = page();
  state.name.value = 'rearranged';
  state.window.fire('pointerdown');
  state.changed(true);
  state.window.run();
  assert.deepEqual(state.dirty, []);
});

test('what is filled in before the page has loaded is work', () => {
  const state = page();
  state.begin();
  state.name.value = 'filled in';
  state.changed(false);
  assert.ok(state.window.fire('load') > 0);
  state.window.fire('pointerdown');
  state.changed(true);
  state.window.run();
  assert.deepEqual(state.dirty, [true]);
});
