// Who stands in the bar, and who is only counted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { others } from '../../assets/widget/people.js';

test('everybody but oneself, five in the bar, and those that the proxy has not named', () => {
  const users = Array.from({ length: 13 }, (_, n) => ({ user_id: `u${n}` }));
  const { shown, all, more } = others({ users, more: 4 }, 'u3');
  assert.deepEqual([shown.length, all.length, more], [5, 12, 4]);
  assert.ok(![...shown, ...all].some(({ user_id: id }) => id === 'u3'));
});
