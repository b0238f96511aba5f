// Conversations on this page: what is said goes out, what is heard comes in, and what was open is open again after the
// page was loaded anew. Joins chats.js (what is known), chat.js (how it looks) and the socket.
// It must not know the lock.
import { barAt } from './bars.js';
import { allUnread, EMPTY, kept, partners, reduce, unread } from './chats.js';
import { parse, read, write } from './storage.js';

const OPEN = 'collab-chat:'; // windows, in this tab (sessionStorage)
const FOCUS = 'collab-chat-focus:'; // in whose box somebody wrote when the page went away
const OURS = 'collab-widget, collab-notice, collab-offer, collab-edge';
const GAP = 8;
const LEAST = 160; // a conversation that is less high cannot be read
const READ = 'collab-read:'; // what was seen, on all of this browser's pages (localStorage)

// How far down the window our buttons reach that stand in the columns of `element`. Those below `most` cannot be kept clear.
function lowest(element, document, most) {
  const { left, right } = element.getBoundingClientRect();
  const buttons = [...document.querySelectorAll(OURS)].flatMap((own) => [...own.shadowRoot.querySelectorAll('button, summary')]);
  const boxes = buttons.map((button) => button.getBoundingClientRect());
  return Math.max(0, ...boxes.filter((box) => box.right > left && box.left < right && box.bottom < most).map(({ bottom }) => bottom));
}

// `now`: the server's time. `send(type, fields)`: false if there is no line. `onUnread`: how many lines wait.
export function talking({ element, texts, object, send, now, random, session, local, onUnread, window, signal }) {
  let chats = EMPTY;
  const { document } = window;
  const inSight = () => document.visibilityState === 'visible' && document.hasFocus();

  const remember = () => {
    write(session, OPEN + object, kept(chats));
    write(local, READ + object, Object.fromEntries([...chats.talks].map(([id, { read }]) => [id, read])));
  };

  function dispatch(event) {
    chats = reduce(chats, event);
    draw();
  }

  function draw() {
    // What lies open before somebody is read.
    for (const { id, minimised } of chats.windows) {
      const last = chats.talks.get(id)?.lines.at(-1);
      if (!minimised && last && inSight() && unread(chats, id) > 0) chats = reduce(chats, { type: 'read', id, at: last.timestamp });
    }
    element.show(chats.windows.map((w) => ({
      ...w, name: chats.names.get(w.id) ?? texts.somebody, here: chats.here.has(w.id), unread: unread(chats, w.id), lines: chats.talks.get(w.id)?.lines ?? [],
    })), texts);
    lift();
    remember();
    onUnread(allUnread(chats), partners(chats));
  }

  // Above what a theme keeps at the lower edge, which comes and goes as the page moves, and below our own buttons.
  function lift() {
    if (!chats.windows.length) return;
    const low = barAt('bottom', window);
    const floor = window.innerHeight - low;
    element.style.setProperty('--lift', `${low}px`);
    element.style.setProperty('--free', `${floor - lowest(element, document, floor - LEAST) - GAP}px`);
  }

  function say(to, text, ref) {
    dispatch({ type: 'sending', to, ref, text, at: now() });
    if (!send('chat_message', { recipient_id: to, message: text, ref })) dispatch({ type: 'failed', ref });
  }

  element.onact = (what, id, more) => {
    if (what === 'send') return say(id, more, random());
    if (what === 'again') {
      const line = chats.talks.get(id)?.lines.find(({ ref, mine }) => mine && ref === more);
      return line && say(id, line.message, line.ref);
    }
    if (what === 'typed') return dispatch({ type: 'typed', id, text: more });
    if (what === 'seen') return draw();
    const minimised = chats.windows.find((w) => w.id === id)?.minimised;
    dispatch({ type: what === 'toggle' ? (minimised ? 'open' : 'minimise') : what, id });
    if (what === 'toggle' && minimised) element.focus(id);
  };

  function seen(marks) {
    for (const [id, at] of Object.entries(marks ?? {})) chats = reduce(chats, { type: 'read', id, at: Number(at) || 0 });
  }

  const windows = read(session, OPEN + object);
  if (Array.isArray(windows)) chats = reduce(chats, { type: 'restored', windows });
  seen(read(local, READ + object));
  const on = (type, work, more) => window.addEventListener(type, work, { ...more, signal });
  on('pagehide', () => write(session, FOCUS + object, element.focused));
  let writing = read(session, FOCUS + object);

  // A page that loads itself again takes nobody out of what they write.
  function goOnWriting() {
    const open = chats.windows.some(({ id, minimised }) => id === writing && !minimised);
    if (open && document.activeElement === document.body) element.focus(writing);
    writing = null;
  }

  on('storage', ({ key, newValue }) => {
    if (key !== READ + object || !newValue) return;
    seen(parse(newValue));
    draw();
  });
  on('focus', draw);
  for (const type of ['resize', 'scroll']) on(type, lift, { passive: true });
  const observer = new window.ResizeObserver(lift);
  for (const own of document.querySelectorAll(OURS)) observer.observe(own);
  signal.addEventListener('abort', () => observer.disconnect());

  return {
    open(id) {
      dispatch({ type: 'open', id });
      element.focus(id);
    },
    heard(frame) {
      if (frame.type === 'welcome') dispatch({ type: 'joined', id: frame.user_id });
      if (frame.type === 'active_users') {
        dispatch({ type: 'roster', users: frame.users });
        if (writing) goOnWriting();
      }
      if (frame.type === 'chat_history') dispatch({ type: 'history', messages: frame.messages });
      if (frame.type === 'chat_message') {
        dispatch({ type: 'message', message: frame });
        if (frame.sender_id !== chats.me) element.announce(`${frame.sender_name}: ${frame.message}`);
      }
      if (frame.type === 'error' && frame.ref) dispatch({ type: 'failed', ref: frame.ref });
    },
  };
}
