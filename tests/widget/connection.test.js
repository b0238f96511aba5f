// The socket's life with a fake WebSocket, a fake clock and known randomness: nothing waits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection, FINAL, STEPS } from '../../assets/widget/connection.js';

const WELCOME = '{"type":"welcome","user_id":"u","page_id":"p","object":"a.b/1","version":1}';

function world({ random = () => 1 } = {}) {
  const sockets = [];
  const timers = new Map();
  let now = 0;
  let ids = 0;
  class WebSocket {
    constructor(url) {
      if (WebSocket.forbidden) throw new Error('SecurityError');
      Object.assign(this, { url, sent: [], closed: null });
      sockets.push(this);
    }
    send(text) { this.sent.push(JSON.parse(text)); }
    close(code) { this.closed = code; }
  }
  const events = [];
  const connection = new Connection({
    url: 'ws://x/y/', token: 'tok', WebSocket, random,
    setTimeout: (work, ms) => (timers.set(++ids, { work, at: now + ms }), ids),
    clearTimeout: (id) => timers.delete(id),
    onEvent: (event) => events.push(event),
  });
  const advance = (ms) => {
    const end = now + ms;
    for (;;) {
      const [id, timer] = [...timers].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at)[0] ?? [];
      if (!timer) break;
      timers.delete(id);
      now = timer.at;
      timer.work();
    }
    now = end;
  };
  const last = () => sockets.at(-1);
  // Lets just the wait pass that stands before the next try.
  const retry = () => {
    const before = sockets.length;
    for (let ms = 0; ms < 15_000 && sockets.length === before; ms += 100) advance(100);
    assert.equal(sockets.length, before + 1, 'it comes back');
  };
  const welcome = () => { last().onopen(); last().onmessage({ data: WELCOME }); };
  return { connection, sockets, events, advance, retry, last, welcome, WebSocket, timers, links: () => events.filter(({ link }) => link).map(({ link }) => link) };
}

test('joins with the token as its first frame and is open at the welcome', () => {
  const w = world();
  w.connection.start();
  assert.equal(w.last().url, 'ws://x/y/');
  assert.equal(w.connection.send('claim_editor'), false, 'nothing goes out before the welcome');
  w.welcome();
  assert.deepEqual(w.last().sent, [{ type: 'join', token: 'tok' }]);
  assert.deepEqual(w.links(), ['connecting', 'open']);
  assert.equal(w.events.at(-1).frame.type, 'welcome');
  assert.equal(w.connection.send('input', { dirty: true }), true);
  assert.deepEqual(w.last().sent.at(-1), { type: 'input', dirty: true });
});

test('what a closing socket would drop is not sent, and said so', () => {
  const w = world();
  w.connection.start();
  w.welcome();
  w.last().readyState = 2;
  assert.equal(w.connection.send('chat_message', { message: 'x' }), false);
  assert.deepEqual(w.last().sent, [{ type: 'join', token: 'tok' }]);
});

test('comes back without limit, each wait longer up to the last step', () => {
  const w = world();
  w.connection.start();
  for (let i = 0; i < 50; i += 1) {
    const wait = STEPS[Math.min(i, STEPS.length - 1)] * 1000;
    w.last().onclose({ code: 1006 });
    assert.equal(w.sockets.length, i + 1);
    w.advance(wait - 1);
    assert.equal(w.sockets.length, i + 1, `try ${i} is not early`);
    w.advance(1);
    assert.equal(w.sockets.length, i + 2, `try ${i} comes`);
  }
});

test('the wait is anything from nothing to the step', () => {
  for (const share of [0, 0.25, 0.999]) {
    const w = world({ random: () => share });
    w.connection.start();
    w.last().onclose({ code: 1006 });
    w.advance(0);
    w.last().onclose?.({ code: 1006 });
    const { at } = [...w.timers.values()].at(-1);
    assert.ok(at >= 0 && at <= STEPS[1] * 1000, `${share}: ${at}`);
  }
});

test('a short good time does not shorten the next wait, a long one does', () => {
  const w = world();
  w.connection.start();
  for (const code of [1006, 1006, 1006]) { w.last().onclose({ code }); w.retry(); }
  w.welcome();
  w.advance(4_000);
  w.last().onclose({ code: 1006 });
  assert.equal(w.events.at(-1).tries, 4);
  w.retry();
  w.welcome();
  w.advance(5_000);
  w.last().onclose({ code: 1006 });
  assert.equal(w.events.at(-1).tries, 1);
});

test('final close codes end it and say why', () => {
  const reasons = { 4400: 'token', 4401: 'signed_out', 4403: 'token', 4409: 'duplicate' };
  assert.deepEqual(Object.fromEntries(FINAL), reasons);
  for (const [code, reason] of Object.entries(reasons)) {
    const w = world();
    w.connection.start();
    w.welcome();
    w.last().onclose({ code: Number(code) });
    assert.deepEqual(w.events.at(-1), { type: 'ended', reason });
    w.connection.hurry();
    w.connection.renew();
    w.advance(600_000);
    assert.equal(w.sockets.length, 1, `${code} does not come back`);
    w.connection.start();
    assert.equal(w.sockets.length, 2, 'unless the person asks');
  }
});

test('every other close code comes back', () => {
  for (const code of [1000, 1001, 1006, 1009, 1011, 1012, 4408, 4429, 4999]) {
    const w = world();
    w.connection.start();
    w.welcome();
    w.last().onclose({ code });
    w.retry();
  }
});

test('a restarted proxy gets its pages back spread over a second, a busy one later', () => {
  for (const [code, ms] of [[1006, 200], [1012, 1_000], [4429, 2_000]]) {
    const w = world();
    w.connection.start();
    w.welcome();
    w.last().onclose({ code });
    w.advance(ms - 1);
    assert.equal(w.sockets.length, 1, String(code));
    w.advance(1);
    assert.equal(w.sockets.length, 2, String(code));
  }
});

test('a socket without a welcome is given up', () => {
  const w = world();
  w.connection.start();
  w.last().onopen();
  w.advance(10_000);
  assert.equal(w.sockets[0].closed, 1000);
  w.advance(200);
  assert.equal(w.sockets.length, 2);
});

test('hurry sits out no wait, and leaves a socket alone that is there', () => {
  const w = world();
  w.connection.start();
  w.connection.hurry();
  assert.equal(w.sockets.length, 1);
  w.last().onclose({ code: 1006 });
  w.connection.hurry();
  assert.equal(w.sockets.length, 2);
  w.advance(10_000 - 1);
  assert.equal(w.sockets.length, 2, 'the old wait is forgotten');
});

test('renew replaces a socket that may be dead, and its last words are not heard', () => {
  const w = world();
  w.connection.start();
  w.welcome();
  const [old] = w.sockets;
  const { onclose } = old;
  w.connection.renew();
  assert.equal(w.sockets.length, 2);
  assert.equal(old.closed, 1000);
  assert.equal(old.onmessage, null);
  const heard = w.events.length;
  onclose({ code: 4409 });
  assert.equal(w.events.length, heard, 'the old page told "joined again" is this page');
});

test('leaving is said, and nothing comes back', () => {
  const w = world();
  w.connection.start();
  w.welcome();
  w.connection.leave();
  assert.deepEqual(w.last().sent.at(-1), { type: 'leave' });
  assert.equal(w.last().closed, 1000);
  w.connection.hurry();
  w.advance(600_000);
  assert.equal(w.sockets.length, 1);
  assert.equal(w.timers.size, 0, 'no timer is left behind');
});

test('leaving before the welcome only closes', () => {
  const w = world();
  w.connection.start();
  w.connection.leave();
  assert.deepEqual(w.last().sent, []);
  assert.equal(w.last().closed, 1000);
});

test('a page that comes back from the back-forward cache joins again', () => {
  const w = world();
  w.connection.start();
  w.welcome();
  w.connection.leave();
  w.connection.start();
  w.welcome();
  assert.deepEqual(w.last().sent, [{ type: 'join', token: 'tok' }]);
  assert.equal(w.links().at(-1), 'open');
});

test('a policy that forbids sockets is a lost connection, not a crash', () => {
  const w = world();
  w.WebSocket.forbidden = true;
  w.connection.start();
  w.advance(5_000);
  assert.ok(w.events.every(({ link }) => link === 'waiting'));
  w.WebSocket.forbidden = false;
  w.advance(3_000);
  assert.equal(w.sockets.length, 1);
});

test('a lock is kept for 5 s: for the first minute no wait is longer than 3', () => {
  const w = world();
  w.WebSocket.forbidden = true;
  w.connection.start();
  let waited = 0;
  for (const step of STEPS) {
    if (waited < 60) assert.ok(step <= 3, `${waited} s`);
    waited += step;
  }
  assert.equal(STEPS.at(-1), 15, 'later there is no hurry');
});

const alive = (w) => w.last().onmessage({ data: '{"type":"alive","store":true}' });
const hears = (w, every) => {
  w.last().onopen();
  w.last().onmessage({ data: JSON.stringify({ ...JSON.parse(WELCOME), alive: every }) });
};

test('a proxy that stands still is noticed, and said to be gone at once', () => {
  const w = world();
  w.connection.start();
  hears(w, 5_000);
  for (let i = 0; i < 10; i += 1) { w.advance(14_000); alive(w); }
  assert.equal(w.sockets.length, 1, 'what comes late has come');
  w.advance(15_000);
  assert.equal(w.sockets[0].closed, 1000);
  assert.deepEqual(w.events.at(-1), { type: 'connection', link: 'waiting', tries: 2 });
  w.retry();
});

test('a proxy that does not say how often it is heard may be silent for ever', () => {
  const w = world();
  w.connection.start();
  w.welcome();
  alive(w);
  w.advance(3_600_000);
  assert.equal(w.sockets.length, 1);
  w.connection.leave();
  assert.equal(w.timers.size, 0);
});

test('noise on the line is passed over', () => {
  const w = world();
  w.connection.start();
  w.welcome();
  const heard = w.events.length;
  w.last().onmessage({ data: 'junk' });
  w.last().onmessage({ data: '{"type":"from_the_future"}' });
  assert.equal(w.events.length, heard);
});
