// Loads the page again: when that is allowed, and how. The memory of it lives in the tab (sessionStorage),
// because the page that asks is not the page that comes back.
// It must not know why a reload is wanted (view.js).

import { place } from './reading.js';
import { read } from './storage.js';

const KEY = 'collab-reload';
const SPACING = 3_000; // at most one reload by itself in this time
const SAME = 60_000; // a second reload for the same version in this time would be a loop
const HERD = 1_500; // everybody in the room hears of a save at once; their page loads are spread over this

// How long to wait before loading the page for `version`, or null if that was tried and did not help.
export function plan(last, version, now, random) {
  const since = last ? now - last.at : Infinity;
  if (last && last.version === version && since < SAME) return null;
  return Math.max(500 + random * HERD, SPACING - since);
}

export function remembered(storage, path) {
  const last = read(storage, KEY);
  return last?.path === path ? last : null;
}

// Is there a page to load? Whoever reads must not be left with an error instead, because the site restarts just then.
// Asked with what costs Django least. Whatever it says but a failure will do: a login page is a page.
export async function reachable(fetch, root) {
  try {
    const answer = await fetch(`${root}jsi18n/`, { method: 'HEAD', credentials: 'same-origin', redirect: 'manual' });
    return answer.status < 500;
  } catch {
    return false;
  }
}

// No "Leave this page?" of a script of the site. Those that listened before us have been asked already: browsers call
// the listeners of this event in the order in which they came.
export function unasked(event) {
  event.stopImmediatePropagation();
  event.returnValue = '';
}

// A plain GET, never `location.reload()`: a page that came from a POST would ask to send it again.
export function load(window, version, now) {
  const { location } = window;
  try {
    window.sessionStorage.setItem(KEY, JSON.stringify({ path: location.pathname, version, at: now, ...place(window) }));
  } catch {
    // Without storage there is no guard against loops, so only a person may reload: see main.js.
  }
  window.onbeforeunload = null;
  window.addEventListener('beforeunload', unasked);
  const url = new URL(location.href);
  url.hash = '';
  location.replace(url.href);
}
