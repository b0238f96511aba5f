// Unsaved values on the person's own machine (localStorage): what was typed survives a reload, a crash, a lost
// lock, a lost login. Bound to person and object; limited in size, number and age; never passwords or files.
// It must not know when a draft is made nor what is shown: draft.js does. The storage and the time are handed in.
//
//   { v: 1, at, page, version, names, fields: [[name, value, label], …], base: [[name, value, label], …], apply }
//
// `names` are the fields that were changed, `base` what those showed before; `apply`: fill in without asking, once.

const KEY = 'collab-draft:';
export const MOST = 256 * 1024; // characters of one draft
const COUNT = 20; // drafts of one browser; the oldest go first
export const AGE = 7 * 24 * 60 * 60 * 1000;

const keyOf = (user, object) => `${KEY}${user}:${object}`;

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
  try {
    const draft = JSON.parse(storage.getItem(keyOf(user, object)));
    const lists = [draft?.names, draft?.fields, draft?.base].every(Array.isArray);
    return draft?.v === 1 && lists && now - draft.at < AGE ? draft : null;
  } catch {
    return null;
  }
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
    let at = 0;
    try {
      at = JSON.parse(storage.getItem(key)).at ?? 0;
    } catch {
      // Broken: as old as can be.
    }
    found.push({ key, at });
  }
  found.sort((a, b) => b.at - a.at);
  for (const [rank, { key, at }] of found.entries()) {
    if (rank >= COUNT || now - at >= AGE) storage.removeItem(key);
  }
}

// Only what differs is work: the names whose values are others than before, both sides of them.
export function changes(before, values) {
  const names = [...new Set([...before, ...values].map(([name]) => name))];
  const of = (list, name) => list.filter(([n]) => n === name).map(([, value]) => value).sort().join('\u0000');
  const changed = new Set(names.filter((name) => of(before, name) !== of(values, name)));
  const only = (list) => list.filter(([name]) => changed.has(name));
  return { names: [...changed], fields: only(values), base: only(before) };
}

// Does a form that shows `values` hold what the draft would fill in?
export function isIn(draft, values) {
  const of = (list, name) => list.filter(([n]) => n === name).map(([, value]) => value).sort().join('\u0000');
  return draft.names.every((name) => of(draft.fields, name) === of(values, name));
}
