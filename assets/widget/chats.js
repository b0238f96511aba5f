// What two people write to each other, as one page knows it: a pure reducer, (chats, event) -> chats.
// It must not know the DOM, the socket nor the clock; whoever has those sends events:
//
//   { type: 'joined', id }                 a new line, and who this page's person is
//   { type: 'roster', users }              who is here
//   { type: 'history', messages }          what was said before
//   { type: 'message', message }           somebody wrote, perhaps this person on another page
//   { type: 'sending', to, ref, text, at } this page sends
//   { type: 'failed', ref }                it was not delivered
//   { type: 'open', id } { type: 'minimise', id } { type: 'close', id }
//   { type: 'read', id, at }               everything up to then has been seen, here or on another page
//   { type: 'typed', id, text }            what stands in the box
//   { type: 'restored', windows }          as they were before the page was loaded again

export const EMPTY = { me: '', here: new Map(), names: new Map(), talks: new Map(), windows: [] };

export function reduce(chats, event) {
  switch (event.type) {
    // What was on its way when the old line broke may never have arrived. Sent again, it still is one message.
    case 'joined': return stranded({ ...chats, me: event.id });
    case 'roster': return roster(chats, event.users);
    case 'history': return waitingFor(event.messages.reduce(heard, chats));
    case 'message': return announced(heard(chats, event.message), event.message, chats);
    case 'sending': return sending(chats, event);
    case 'failed': return failed(chats, event.ref);
    case 'open': return shown(chats, event.id, { minimised: false });
    case 'minimise': return shown(chats, event.id, { minimised: true });
    case 'close': return { ...chats, windows: chats.windows.filter(({ id }) => id !== event.id) };
    case 'read': return talk(chats, event.id, (t) => ({ ...t, read: Math.max(t.read, event.at) }));
    case 'typed': return { ...chats, windows: chats.windows.map((w) => (w.id === event.id ? { ...w, text: event.text } : w)) };
    case 'restored': return restored(chats, event.windows);
    default: return chats;
  }
}

// With the names they had: nobody may be there any more who knows them.
function restored(chats, windows) {
  const names = new Map([...windows.filter(({ name }) => name).map(({ id, name }) => [id, name]), ...chats.names]);
  return { ...chats, names, windows: windows.map(({ id, minimised, text }) => ({ id, minimised: minimised === true, text: text ?? '' })) };
}

// The windows for the page that comes after this one. What was not delivered stands in the box again.
export function kept(chats) {
  return chats.windows.map((window) => {
    const lost = (chats.talks.get(window.id)?.lines ?? []).filter(({ state }) => state === 'failed').map(({ message }) => message);
    return { ...window, name: chats.names.get(window.id) ?? '', text: [...lost, window.text].filter(Boolean).join('\n') };
  });
}

// What was said while nobody was here to read it.
function waitingFor(chats) {
  const missed = [...chats.talks.keys()].filter((id) => unread(chats, id) > 0 && !chats.windows.some((w) => w.id === id));
  return missed.reduce((next, id) => shown(next, id, { minimised: true }), chats);
}

const TALK = { lines: [], read: 0 };

function talk(chats, id, change) {
  const talks = new Map(chats.talks);
  talks.set(id, change(talks.get(id) ?? TALK));
  return { ...chats, talks };
}

function roster(chats, users) {
  const others = users.filter(({ user_id: id }) => id !== chats.me);
  const names = new Map([...chats.names, ...others.map(({ user_id: id, name }) => [id, name])]);
  return { ...chats, here: new Map(others.map((user) => [user.user_id, user])), names };
}

const same = (a, b) => a.sender_id === b.sender_id && a.ref === b.ref;

// A message may come twice: as history, and as news; and what this page has sent comes back to it.
function heard(chats, message) {
  const mine = message.sender_id === chats.me;
  const other = mine ? message.recipient_id : message.sender_id;
  const names = mine ? chats.names : new Map([...chats.names, [other, message.sender_name]]);
  const added = (t) => {
    const lines = t.lines.filter((line) => !same(line, message));
    lines.push({ ...message, mine, state: 'sent' });
    lines.sort((a, b) => a.timestamp - b.timestamp);
    return { ...t, lines };
  };
  return talk({ ...chats, names }, other, added);
}

// Who is written to sees that, without anything opening over what they do.
function announced(chats, message, before) {
  if (message.sender_id === chats.me || before.windows.some(({ id }) => id === message.sender_id)) return chats;
  return shown(chats, message.sender_id, { minimised: true });
}

function sending(chats, { to, ref, text, at }) {
  const line = { sender_id: chats.me, recipient_id: to, message: text, timestamp: at, ref, mine: true, state: 'sending' };
  const cleared = { ...chats, windows: chats.windows.map((w) => (w.id === to ? { ...w, text: '' } : w)) };
  return talk(cleared, to, (t) => ({ ...t, lines: [...t.lines.filter((l) => l.ref !== ref || !l.mine), line] }));
}

function failing(chats, fits) {
  const talks = new Map([...chats.talks].map(([id, t]) => [id, {
    ...t, lines: t.lines.map((l) => (l.mine && l.state === 'sending' && fits(l) ? { ...l, state: 'failed' } : l)),
  }]));
  return { ...chats, talks };
}

const failed = (chats, ref) => failing(chats, (line) => line.ref === ref);
const stranded = (chats) => failing(chats, () => true);

function shown(chats, id, how) {
  const there = chats.windows.find((w) => w.id === id);
  if (there) return { ...chats, windows: chats.windows.map((w) => (w.id === id ? { ...w, ...how } : w)) };
  return { ...chats, windows: [...chats.windows, { id, minimised: false, text: '', ...how }] };
}

// Lines of others since this person last looked.
export function unread(chats, id) {
  const { lines, read } = chats.talks.get(id) ?? TALK;
  return lines.filter((line) => !line.mine && line.timestamp > read).length;
}

export const allUnread = (chats) => [...chats.talks.keys()].reduce((sum, id) => sum + unread(chats, id), 0);

// People to write to: who is here, and with whom something was said.
export function partners(chats) {
  const said = [...chats.talks].filter(([, { lines }]) => lines.length > 0).map(([id]) => id);
  const ids = new Set([...chats.here.keys(), ...said]);
  return [...ids].map((id) => ({ id, name: chats.names.get(id) ?? '', here: chats.here.get(id) ?? null, unread: unread(chats, id) }));
}

// A text in pieces: what is a link, and what is not. Only addresses of the web become links.
export function linked(text) {
  const pieces = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(/\bhttps?:\/\/[^\s<>"'`]+/gi)) {
    const address = found.replace(/[.,;:!?)\]}]+$/, '');
    if (index > at) pieces.push({ text: text.slice(at, index) });
    pieces.push({ text: address, href: address });
    at = index + address.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at) });
  return pieces;
}
