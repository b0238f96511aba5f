// The page of a save that did not go through (assets/pages/kept.html): copies, waits in line, and carries the
// typed values over to the current version of the form. Everything on the page works without it.
import { Connection } from './connection.js';
import { idOf, keep } from './drafts.js';
import { nameOf } from './protocol.js';

const config = JSON.parse(document.getElementById('collab-kept').textContent);
const live = document.querySelector('.live');
const form = document.querySelector('form');
const act = (name) => document.querySelector(`[data-act="${name}"]`);
const note = document.querySelector('.note');
const title = document.title;
const heading = document.querySelector('h1');

function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

// What was typed must survive this page as well.
const something = config.draft.names.length > 0 || config.draft.files.length > 0;
const store = (apply) => something
  && keep(storage(), idOf(storage(), config.user), config.object, { ...config.draft, apply }, Date.now());

function offer(name, work) {
  const button = act(name);
  button.hidden = false;
  button.addEventListener('click', () => work(button));
}

async function copy(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Your browser does not allow it';
  }
  setTimeout(() => { button.textContent = label; }, 2000);
}

// A text without what the comparison struck out of it.
function textOf(value) {
  const plain = value.cloneNode(true);
  plain.querySelectorAll('del').forEach((gone) => gone.remove());
  return plain.textContent;
}

const typed = [...document.querySelectorAll('.field .typed .value:not(.none)')];
for (const value of typed) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  button.setAttribute('aria-label', `Copy: ${value.closest('.field').querySelector('h3').textContent}`);
  button.addEventListener('click', () => copy(textOf(value), button));
  value.after(button);
}
const changed = typed.filter((value) => !value.closest('details'));
if (changed.length > 1) {
  const all = () => changed.map((value) => `${value.closest('.field').querySelector('h3').textContent}:\n${textOf(value)}`);
  offer('copy-all', (button) => copy(all().join('\n\n'), button));
}

// In line for the lock, once that was asked for.
let connection = null;
let mine = false; // it has been this page's turn
let lostTo = '';

function wait(button) {
  button.hidden = true;
  live.textContent = 'Waiting for the lock…';
  if (connection) return connection.send('claim_editor') || connection.start();
  connection = new Connection({
    url: location.origin.replace(/^http/, 'ws') + config.socket,
    token: config.token,
    WebSocket,
    setTimeout: setTimeout.bind(window),
    clearTimeout: clearTimeout.bind(window),
    random: Math.random,
    onEvent,
  });
  connection.start();
  form.addEventListener('submit', () => connection.leave());
  window.addEventListener('pagehide', () => connection.leave());
}

function onEvent({ type, frame }) {
  if (type === 'ended') {
    live.textContent = 'This page cannot wait any longer. Try again when you like.';
    act('wait').hidden = true;
  }
  if (frame?.type === 'lock_released') lostTo = nameOf(frame.by);
  if (frame?.type === 'editor_status') show(frame);
}

// What is true now stands at the top: what was true when the save was refused must not contradict it.
function show({ you, position, stale, turn, editor, elsewhere, handover }) {
  const free = you === 'editor' || turn || (stale && editor === null);
  const edits = editor && !elsewhere ? `${editor.name} is editing this` : title;
  mine ||= free;
  heading.textContent = free ? 'It is free now' : edits;
  document.title = free ? '✓ It is free now' : edits;
  note.hidden = mine;
  act('wait').hidden = free || you === 'waiting' || elsewhere;
  live.textContent = sentence({ free, you, position, stale, elsewhere, handover });
}

function sentence({ free, you, position, stale, elsewhere, handover }) {
  if (stale) return free ? 'It is free now, but it was saved meanwhile. Try again: both versions are compared then.' : 'It was saved meanwhile.';
  if (free) {
    const [asking] = handover?.asking ?? [];
    return `It is free now, and it is your turn. ${asking ? `${asking} asks to edit it, and may take over if you wait. ` : ''}Try again.`;
  }
  if (you === 'waiting') return position > 1 ? `You are number ${position} in line.` : 'You are next.';
  if (elsewhere) return 'You are editing this on another page.';
  return lostTo ? `${lostTo} has taken over. What you typed is still kept here.` : 'Your turn has passed. What you typed is still kept here.';
}

store(false);
let fileWarned = false;
if (config.applies && something) {
  offer('apply', () => {
    const chosen = [...form.querySelectorAll('input[type="file"]')].some(({ files }) => files.length > 0);
    if (chosen && !fileWarned) {
      fileWarned = true;
      live.textContent = 'The files that you have chosen here cannot be carried over: choose them again in the form. Press once more to go there.';
    } else if (store(true)) location.assign(config.current);
    else live.textContent = 'Your browser does not keep data for this site, or it is too much. Copy what you typed instead.';
  });
}
// After signing in, the form opens again and finds it.
const login = document.querySelector('a.button');
if (login && store(true)) {
  login.removeAttribute('target');
  live.textContent = 'It is filled in again when you have signed in as the same person in this browser.';
}
if (config.waits && config.socket) offer('wait', wait);
