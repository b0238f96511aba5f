// Conversations: what a page knows of them, whatever comes in which order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allUnread, EMPTY, kept, linked, partners, reduce, unread } from '../../assets/widget/chats.js';

const user = (id, name) => ({ user_id: id, name, pages: 1, since: 1, role: 'viewing', position: 0, activity: 'here', dirty: false });
const from = (sender, to, text, timestamp, ref = `${sender}-${timestamp}`) =>
  ({ sender_id: sender, sender_name: sender.toUpperCase(), recipient_id: to, message: text, timestamp, ref });
const run = (events) => events.reduce(reduce, EMPTY);
const START = [{ type: 'joined', id: 'me' }, { type: 'roster', users: [user('me', 'Me'), user('ada', 'Ada'), user('bob', 'Bob')] }];
const texts = (chats, id) => chats.talks.get(id).lines.map(({ message }) => message);

test('people to write to are the others who are here, and who was', () => {
  const chats = run([...START, { type: 'history', messages: [from('eve', 'me', 'hi', 5)] }]);
  assert.deepEqual(partners(chats).map(({ id, name, here }) => [id, name, here !== null]),
    [['ada', 'Ada', true], ['bob', 'Bob', true], ['eve', 'EVE', false]]);
});

test('a message is one, however often it is heard, and stands in its place', () => {
  const line = from('ada', 'me', 'two', 20);
  const chats = run([...START, { type: 'message', message: line }, { type: 'history', messages: [from('ada', 'me', 'one', 10), line] }]);
  assert.deepEqual(texts(chats, 'ada'), ['one', 'two']);
  assert.equal(unread(chats, 'ada'), 2);
});

test('a new message shows itself small, and opens nothing', () => {
  const told = run([...START, { type: 'message', message: from('ada', 'me', 'hi', 5) }]);
  assert.deepEqual(told.windows, [{ id: 'ada', minimised: true, text: '' }]);
  const open = run([...START, { type: 'open', id: 'ada' }, { type: 'message', message: from('ada', 'me', 'hi', 5) }]);
  assert.equal(open.windows[0].minimised, false);
  const own = run([...START, { type: 'message', message: from('me', 'ada', 'hi', 5) }]);
  assert.deepEqual(own.windows, [], 'what was written on another page of mine is no news');
});

test('what was seen is seen, and never less', () => {
  const chats = run([...START, { type: 'message', message: from('ada', 'me', 'one', 10) }, { type: 'message', message: from('bob', 'me', 'two', 20) },
    { type: 'read', id: 'ada', at: 10 }, { type: 'read', id: 'ada', at: 3 }]);
  assert.deepEqual([unread(chats, 'ada'), unread(chats, 'bob'), allUnread(chats)], [0, 1, 1]);
});

test('a message on its way, come back, or not delivered', () => {
  const send = { type: 'sending', to: 'ada', ref: 'm1', text: 'hello', at: 30 };
  const state = (events) => run([...START, { type: 'open', id: 'ada' }, { type: 'typed', id: 'ada', text: 'hello' }, ...events]).talks.get('ada').lines.map((l) => l.state);
  assert.deepEqual(state([send]), ['sending']);
  assert.deepEqual(state([send, { type: 'message', message: from('me', 'ada', 'hello', 31, 'm1') }]), ['sent']);
  assert.deepEqual(state([send, { type: 'failed', ref: 'm1' }]), ['failed']);
  assert.deepEqual(state([send, { type: 'joined', id: 'me' }]), ['failed'], 'the line broke');
  assert.deepEqual(state([send, { type: 'failed', ref: 'm1' }, { ...send, at: 40 }]), ['sending'], 'sent again');
  assert.deepEqual(state([send, { type: 'message', message: from('me', 'ada', 'hello', 31, 'm1') }, { type: 'failed', ref: 'm1' }]), ['sent']);
  const chats = run([...START, { type: 'open', id: 'ada' }, { type: 'typed', id: 'ada', text: 'hello' }, send]);
  assert.equal(chats.windows[0].text, '');
});

test('only addresses of the web become links', () => {
  assert.deepEqual(linked('see https://a.example/x?y=1, or (http://b.example).'), [
    { text: 'see ' }, { text: 'https://a.example/x?y=1', href: 'https://a.example/x?y=1' }, { text: ', or (' },
    { text: 'http://b.example', href: 'http://b.example' }, { text: ').' },
  ]);
  for (const text of ['javascript:alert(1)', 'ftp://a.example', 'data:text/html,x', '<a href="x">', 'no link']) {
    assert.deepEqual(linked(text), [{ text }]);
  }
  assert.deepEqual(linked('https://a.example/"onmouseover="x'), [{ text: 'https://a.example/', href: 'https://a.example/' }, { text: '"onmouseover="x' }]);
});

test('what was missed shows itself, what was not delivered stands in the box again, and names stay', () => {
  const line = (ref, timestamp) => ({ sender_id: 'b', sender_name: 'Bob', recipient_id: 'a', message: ref, timestamp, ref });
  let chats = [{ type: 'joined', id: 'a' }, { type: 'read', id: 'b', at: 5 }, { type: 'history', messages: [line('old', 4)] }].reduce(reduce, EMPTY);
  assert.deepEqual(chats.windows, [], 'it was read');
  chats = reduce(chats, { type: 'history', messages: [line('new', 6)] });
  assert.deepEqual(chats.windows, [{ id: 'b', minimised: true, text: '' }]);
  chats = [{ type: 'sending', to: 'b', ref: 'r', text: 'lost', at: 7 }, { type: 'failed', ref: 'r' }, { type: 'typed', id: 'b', text: 'half' }].reduce(reduce, chats);
  const windows = kept(chats);
  assert.deepEqual(windows, [{ id: 'b', minimised: true, text: 'lost\nhalf', name: 'Bob' }]);
  // Another page, perhaps after a restart that has given everybody another id.
  const next = [{ type: 'restored', windows }, { type: 'joined', id: 'a2' }, { type: 'read', id: 'gone', at: 3 }].reduce(reduce, EMPTY);
  assert.equal(next.names.get('b'), 'Bob');
  assert.deepEqual(partners(next), [], 'nobody is listed with whom nothing was said');
});
