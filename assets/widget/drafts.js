// Unsaved values on the person's own machine (localStorage): what was typed survives a reload, a crash, a lost
// lock, a lost login. Bound to person and object; limited in size, number and age; never passwords or files.
// It must not know when a draft is made nor what is shown: draft.js does. The storage and the time are handed in.
//
//   { v: 1, at, page, version, names, fields: [[name, value, label], …], base: [[name, value, label], …], rows, apply,
//     files, older, unknown }
//
// `names` are the fields that were changed, `base` what those showed before; `apply`: fill in without asking, once;
// `files`: [[name, file], …] that have to be chosen again; `older`: an earlier draft that nobody has answered yet;
// `unknown`: the person's name, where the proxy knew no more of them than their session.
import { read } from './storage.js';

const KEY = 'collab-draft:';
export const MOST = 256 * 1024; // characters of one draft
const COUNT = 20; // drafts of one browser; the oldest go first
export const AGE = 7 * 24 * 60 * 60 * 1000;

const keyOf = (user, object) => `${KEY}${user}:${object}`;

// The person by whose id drafts are kept. A proxy that was restarted may not know any more who a session is of, and calls
// them by the session; this browser does know.
const ME = 'collab-me';
export function idOf(storage, { user_id: id, session, known = true }) {
  try {
    if (!session) return id;
    if (known) {
      storage.setItem(ME, JSON.stringify([session, id]));
      return id;
    }
    const [seen, was] = JSON.parse(storage.getItem(ME)) ?? [];
    return seen === session ? was : id;
  } catch {
    return id; // storage may be switched off, or hold something else
  }
}

// False where it could not be kept: too large, storage full or switched off.
export function keep(storage, user, object, draft, now) {
  try {
    const text = JSON.stringify({ v: 1, at: now, ...draft });
    if (text.length > MOST) return false;
    storage.setItem(keyOf(user, object), text);
    sweep(storage, now);
    return true;
  } catch {
    return false;
  }
}

export function find(storage, user, object, now) {
  const draft = read(storage, keyOf(user, object));
  const lists = [draft?.names, draft?.fields, draft?.base].every(Array.isArray);
  return draft?.v === 1 && lists && now - draft.at < AGE ? draft : null;
}

// A draft from before the proxy knew who this is: of somebody of this name, whom only their session stood for.
export function findUnknown(storage, name, object, now) {
  try {
    for (let i = 0; i < storage.length; i += 1) {
      const key = storage.key(i);
      if (!key?.startsWith(KEY) || !key.endsWith(`:${object}`)) continue;
      const user = key.slice(KEY.length, -object.length - 1);
      const draft = find(storage, user, object, now);
      if (draft?.unknown && draft.unknown === name) return { user, draft };
    }
  } catch {
    // Storage that cannot be read holds nothing of ours.
  }
  return null;
}

export function forget(storage, user, object) {
  try {
    storage.removeItem(keyOf(user, object));
  } catch {
    // Storage that cannot be read holds nothing of ours.
  }
}

// Old ones go, and the oldest of too many.
function sweep(storage, now) {
  const found = [];
  for (let i = 0; i < storage.length; i += 1) {
    const key = storage.key(i);
    if (!key?.startsWith(KEY)) continue;
    // Broken: as old as can be.
    found.push({ key, at: read(storage, key)?.at ?? 0 });
  }
  found.sort((a, b) => b.at - a.at);
  for (const [rank, { key, at }] of found.entries()) {
    if (rank >= COUNT || now - at >= AGE) storage.removeItem(key);
  }
}

// What a field says, whatever the order.
const of = (list, name) => list.filter(([n]) => n === name).map(([, value]) => value).sort().join('\u0000');

// Only what differs is work: the names whose values are others than before, both sides of them.
export function changes(before, values) {
  const names = [...new Set([...before, ...values].map(([name]) => name))];
  const changed = new Set(names.filter((name) => of(before, name) !== of(values, name)));
  const only = (list) => list.filter(([name]) => changed.has(name));
  return { names: [...changed], fields: only(values), base: only(before) };
}

// Without the spaces around it, which Django takes away when it saves (CharField.strip).
const bare = (list) => list.map(([name, value]) => [name, value.trim()]);

// Does a form that shows `values` hold what the draft would fill in?
export function isIn(draft, values) {
  const [fields, shown] = [draft.fields, values].map(bare);
  return draft.names.every((name) => of(fields, name) === of(shown, name));
}
