// What is read of a form, and what never is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { control, form } from './standin.js';
import { namesOf, readDefaults, readValues } from '../../assets/widget/values.js';

test('a password stays one when a button shows it', () => {
  const secret = control('api_secret', 'hunter2', { type: 'password' });
  const shown = form(control('name', 'Till'), secret);
  secret.form = shown;
  const all = () => [namesOf(shown), readValues(shown), readDefaults(shown)];
  const wanted = [['name'], [['name', 'Till']], [['name', 'Till']]];
  assert.deepEqual(all(), wanted);
  secret.type = 'text';
  assert.deepEqual(all(), wanted);
});
