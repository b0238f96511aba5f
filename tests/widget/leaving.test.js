// Which clicks take a page away, and what is done before.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchLeaving } from '../../assets/widget/leaving.js';
import { watchElsewhere } from '../../assets/widget/elsewhere.js';

class Anchor {
  constructor(href) {
    Object.assign(this, { href, protocol: new URL(href).protocol });
  }
}

function page({ reads = true } = {}) {
  const handlers = {};
  const told = [];
  watchLeaving({
    window: { location: { href: 'http://site/admin/shop/product/1/change/' }, HTMLAnchorElement: Anchor },
    on: (_, type, work) => { handlers[type] = work; },
    form: {}, dispatch: () => {}, readsOnly: () => reads, sends: () => {}, forget: () => told.push('forget'),
  });
  const click = (link, more = {}) => {
    told.length = 0;
    handlers.click({ target: { closest: () => link }, ...more });
    return told.length > 0;
  };
  return { click };
}

test('only a link that leads away makes the form what is saved', () => {
  const { click } = page();
  const list = new Anchor('http://site/admin/shop/product/');
  assert.equal(click(list), true);
  assert.equal(click(list, { defaultPrevented: true }), false, 'a script keeps the page');
  assert.equal(click(list, { ctrlKey: true }), false, 'another tab');
  assert.equal(click(new Anchor('http://site/admin/shop/product/1/change/#tab')), false, 'the same page');
  assert.equal(click(new Anchor('mailto:ada@site')), false);
  assert.equal(click({ href: { baseVal: '/x' } }), false, 'a link in a picture');
  assert.equal(click(null), false);
  assert.equal(page({ reads: false }).click(list), false, 'typed text of one\'s own stays');
});

test('text in another form that sends is noticed, a search is not', () => {
  let hear = null;
  const mine = { method: 'post' };
  const others = watchElsewhere(mine, { window: { addEventListener: (_, work) => { hear = work; } }, signal: null });
  const input = (form, isTrusted = true) => hear({ isTrusted, composedPath: () => [{ form }] });
  input(mine);
  input({ method: 'get' });
  input({ method: 'post' }, false);
  input(null);
  assert.equal(others.typed(), false);
  input({ method: 'post' });
  assert.equal(others.typed(), true);
});
