// The page of a save that did not go through (assets/pages/kept.html): copies, waits in line, and carries the
// typed values over to the current version of the form. Everything on the page works without it.
import { Connection } from './connection.js';
import { keep } from './drafts.js';

const config = JSON.parse(document.getElementById('collab-kept').textContent);
const live = document.querySelector('.live');
const form = document.querySelector('form');
const act = (name) => document.querySelector(`[data-act="${name}"]`);
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
const store = (apply) => config.draft.names.length > 0
  && keep(storage(), config.user_id, config.object, { ...config.draft, apply }, Date.now());

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

function wait(button) {
  button.hidden = true;
  live.textContent = 'Waiting for the lock…';
  const connection = new Connection({
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

function onEvent(event) {
  if (event.type === 'ended') live.textContent = 'This page cannot wait any longer. Try again when you like.';
  if (event.frame?.type !== 'editor_status') return;
  const { you, position, stale, turn, editor } = event.frame;
  const free = you === 'editor' || turn || (stale && editor === null);
  heading.textContent = free ? 'It is free now' : title;
  document.title = free ? '✓ It is free now' : title;
  if (stale) live.textContent = free ? 'It is free now, but it was saved meanwhile. Try again: both versions are compared then.' : 'It was saved meanwhile.';
  else if (free) live.textContent = 'It is free now, and it is your turn. Try again.';
  else if (you === 'waiting') live.textContent = position > 1 ? `You are number ${position} in line.` : 'You are next.';
  else live.textContent = 'You are editing this on another page.';
}

store(false);
if (config.applies && config.draft.names.length > 0) {
  offer('apply', () => {
    if (store(true)) location.assign(config.current);
    else live.textContent = 'Your browser does not keep data for this site, or it is too much. Copy what you typed instead.';
  });
}
// After signing in, the form opens again and finds it.
if (document.querySelector('a.button')) store(true);
if (config.waits && config.socket) offer('wait', wait);
