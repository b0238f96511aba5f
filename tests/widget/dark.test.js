// A page is dark when its text is light, in whatever notation a browser gives the colour.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLight } from '../../assets/widget/dark.js';

test('light and dark text are told apart', () => {
  const light = ['rgb(238, 238, 238)', 'rgba(200, 210, 220, 0.9)', 'oklch(0.87 0.01 258)', 'oklab(0.9 0 0)', 'lab(88 0 0)', 'lch(75% 3 2)', 'color(srgb 0.9 0.9 0.9)'];
  const dark = ['rgb(51, 51, 51)', 'oklch(0.373 0.034 259.733)', 'oklab(0.3 0.1 0.1)', 'lab(20 9 9)', 'color(srgb 0.1 0.2 0.1)', ''];
  assert.deepEqual(light.filter((color) => !isLight(color)), []);
  assert.deepEqual(dark.filter(isLight), []);
});
