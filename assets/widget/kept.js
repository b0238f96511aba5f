// The page of a save that did not go through (assets/pages/kept.html): copies, waits in line, and carries the
// typed values over to the current version of the form. Everything on the page works without it.
import { Connection } from './connection.js';
import { idOf, keep } from './drafts.js';
import { nameOf } from './protocol.js';
import { fill } from './texts.js';

const config = JSON.parse(document.getElementById('collab-kept').textContent);
const { texts } = config;
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
    button.textContent = texts.copied_text;
  } catch {
    button.textContent = texts.copy_refused_text;
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
  button.textContent = texts.copy_button;
  button.setAttribute('aria-label', fill(texts.copy_field_label, { field: value.closest('.field').querySelector('h3').textContent }));
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
  live.textContent = texts.line_wait_text;
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
    live.textContent = texts.line_ended_text;
    act('wait').hidden = true;
  }
  if (frame?.type === 'lock_released') lostTo = nameOf(frame.by);
  if (frame?.type === 'editor_status') show(frame);
}

// What is true now stands at the top: what was true when the save was refused must not contradict it.
function show({ you, position, stale, turn, editor, elsewhere, handover }) {
  const free = you === 'editor' || turn || (stale && editor === null);
  const edits = editor && !elsewhere ? fill(texts.held_title, { editor_name: editor.name }) : title;
  mine ||= free;
  heading.textContent = free ? texts.free_title : edits;
  document.title = free ? `✓ ${texts.free_title}` : edits;
  note.hidden = mine;
  act('wait').hidden = free || you === 'waiting' || elsewhere;
  live.textContent = sentence({ free, you, position, stale, elsewhere, handover });
}

function sentence({ free, you, position, stale, elsewhere, handover }) {
  if (stale) return free ? texts.free_saved_text : texts.meanwhile_text;
  if (free) {
    const [asking] = handover?.asking ?? [];
    return asking ? fill(texts.free_asked_text, { names: asking }) : texts.free_turn_text;
  }
  if (you === 'waiting') return position > 1 ? fill(texts.line_position_text, { position }) : texts.line_next_text;
  if (elsewhere) return texts.line_elsewhere_text;
  return lostTo ? fill(texts.line_taken_over_text, { editor_name: lostTo }) : texts.line_passed_text;
}

store(false);
let fileWarned = false;
if (config.applies && something) {
  offer('apply', () => {
    const chosen = [...form.querySelectorAll('input[type="file"]')].some(({ files }) => files.length > 0);
    if (chosen && !fileWarned) {
      fileWarned = true;
      live.textContent = texts.fill_files_text;
    } else if (store(true)) location.assign(config.current);
    else live.textContent = texts.fill_refused_text;
  });
}
// After signing in, the form opens again and finds it.
const login = document.querySelector('a.button');
if (login && store(true)) {
  login.removeAttribute('target');
  live.textContent = texts.fill_login_text;
}
if (config.waits && config.socket) offer('wait', wait);
// Nobody could be asked: the lock that its page had is kept by being there when somebody can.
if (config.stays && config.socket) wait(act('wait'));
