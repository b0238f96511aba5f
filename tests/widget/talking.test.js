// Conversations over a reload, for who cannot see them, and on a page whose widget has stopped.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import './standin.js';
import { TEXTS } from './english.js';
import { talking } from '../../assets/widget/talking.js';

const ADA = '7';
const GRACE = '8';
const ROSTER = { type: 'active_users', users: [{ user_id: ADA, name: 'Ada' }, { user_id: GRACE, name: 'Grace' }], more: 0 };
const WORDS = { type: 'chat_message', sender_id: GRACE, sender_name: 'Grace', recipient_id: ADA, message: 'Done?', timestamp: 5, ref: 'r' };

function storage() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, text) => kept.set(key, text) };
}

// Ada's page in a tab, which `session` is of. `focused`: in whose box the cursor is.
function open(session, { elsewhere = false, own = [] } = {}) {
  const page = { said: [], focused: null, listeners: [], style: {}, stop: new AbortController() };
  const body = {};
  const window = {
    document: { visibilityState: 'visible', hasFocus: () => true, body, activeElement: elsewhere ? {} : body, documentElement: { clientWidth: 800, clientHeight: 600 }, elementsFromPoint: () => [], querySelectorAll: () => own },
    innerHeight: 600, ResizeObserver: class { observe() {} },
    addEventListener: (type, work, options) => page.listeners.push({ type, work, options }),
  };
  const element = {
    show() {}, style: { setProperty: (name, value) => { page.style[name] = value; } }, getBoundingClientRect: () => ({ left: 500, right: 780 }),
    announce: (text) => page.said.push(text),
    focus: (id) => { page.focused = id; },
    get focused() { return page.focused; },
  };
  page.talk = talking({
    element, texts: TEXTS, object: 'x', send: () => true, now: () => 9, random: () => 'r2', session, local: storage(), onUnread() {}, window, signal: page.stop.signal,
  });
  page.hide = () => page.listeners.filter(({ type }) => type === 'pagehide').forEach(({ work }) => work({}));
  page.talk.heard({ type: 'welcome', user_id: ADA });
  page.talk.heard(ROSTER);
  return page;
}

test('a page that is loaded again goes on where somebody wrote', () => {
  const session = storage();
  const first = open(session);
  assert.equal(first.focused, null, 'nobody wrote');
  first.talk.open(GRACE);
  first.hide();
  const again = open(session);
  assert.equal(again.focused, GRACE);
  again.focused = null;
  again.talk.heard(ROSTER);
  assert.equal(again.focused, null, 'once: who goes elsewhere is not called back');
});

test('… but takes nobody out of another field, nor into a window that is small', () => {
  const session = storage();
  const first = open(session);
  first.talk.open(GRACE);
  first.hide();
  assert.equal(open(session, { elsewhere: true }).focused, null);
  const other = storage();
  const second = open(other);
  second.talk.heard(WORDS);
  second.focused = GRACE;
  second.hide();
  assert.equal(open(other).focused, null);
});

test('what others say is read out, what one says oneself is not', () => {
  const page = open(storage());
  page.talk.heard(WORDS);
  page.talk.heard({ ...WORDS, sender_id: ADA, sender_name: 'Ada', recipient_id: GRACE, ref: 'mine' });
  assert.deepEqual(page.said, ['Grace: Done?']);
});

test('nothing is listened to any more once the widget has stopped', () => {
  const page = open(storage());
  assert.ok(page.listeners.length > 3);
  assert.ok(page.listeners.every(({ options }) => options?.signal === page.stop.signal));
});

test('a conversation ends below the widget\'s buttons that stand above it', () => {
  const button = (box) => ({ getBoundingClientRect: () => box });
  const own = (...boxes) => [{ shadowRoot: { querySelectorAll: () => boxes.map(button) } }];
  const free = (...boxes) => {
    const page = open(storage(), { own: own(...boxes) });
    page.talk.open(GRACE);
    return page.style['--free'];
  };
  assert.equal(free({ left: 600, right: 700, bottom: 300 }, { left: 600, right: 700, bottom: 200 }), '292px');
  assert.equal(free({ left: 100, right: 200, bottom: 300 }), '592px', 'beside it');
  assert.equal(free({ left: 600, right: 700, bottom: 590 }, { left: 600, right: 700, bottom: 300 }), '292px', 'too low for any conversation');
});
