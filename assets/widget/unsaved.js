// Unsaved work that changes hands: what the one who loses the lock leaves, and what the next one is offered.
// Nothing is filled in unasked, nothing saved by itself. It must not know who may have the lock, nor how frames
// travel.
import { fill } from './texts.js';
import { applyValues, namesOf, readValues } from './values.js';

const LIMIT = 48 * 1024; // what the proxy passes on (docs/protocol.md)
const NAMED = 4; // fields that are called by their names
const TOUCHES = ['pointerdown', 'keydown', 'beforeinput', 'paste', 'drop'];
const MARKS = `[data-collab-unsaved], select[data-collab-unsaved] + .select2-container {
  outline: 2px dashed #b26a00 !important; outline-offset: 2px; }`;

// What was changed since the page came. `all`: the page came with unsaved work, so everything may be part of it.
export function tracker(form, { window, signal, all = false }) {
  let before = byName(form);
  let touched = false;
  const settle = () => { if (!touched) before = byName(form); };
  window.addEventListener('load', settle, { signal });
  for (const type of TOUCHES) window.addEventListener(type, (event) => {
    if (!event.isTrusted || touched) return;
    settle(); // scripts have arranged the form by now
    touched = true;
  }, { capture: true, signal });
  return () => {
    const now = byName(form);
    const changed = [...now.keys()].filter((name) => now.get(name) !== before.get(name));
    // Work that no comparison sees (the browser brought it back) is somewhere in the form.
    return pack(form, new Set(all || changed.length === 0 ? now.keys() : changed));
  };
}

function byName(form) {
  const names = new Map(namesOf(form).map((name) => [name, '[]']));
  const values = Map.groupBy ? Map.groupBy(readValues(form), ([name]) => name) : grouped(readValues(form));
  for (const [name, entries] of values) names.set(name, JSON.stringify(entries.map(([, value]) => value)));
  return names;
}

function grouped(entries) {
  const groups = new Map();
  for (const entry of entries) groups.set(entry[0], [...(groups.get(entry[0]) ?? []), entry]);
  return groups;
}

function pack(form, names) {
  const values = { fields: readValues(form).filter(([name]) => names.has(name)), names: [...names], too_large: false };
  const size = new TextEncoder().encode(JSON.stringify(values)).length;
  return size <= LIMIT ? values : { fields: [], names: [], too_large: true };
}

// The bar below the banner that offers somebody's values. Gives a function that is told of an offer, and one that
// is told whether the form can be filled in now.
export function offers({ bar, banner, form, texts, addRow, signal }) {
  let offer = null;
  let filled = null;
  let usable = false;
  const draw = () => {
    if (!offer || !usable) return bar.remove();
    const { lines, actions, items = [] } = filled ?? offered(offer);
    const known = { from: offer.by, fields: labels(form, offer.names) };
    bar.show({
      text: lines.map((key) => fill(texts[key], known)).join(' '),
      tone: 'warning', pinned: false, news: true, items,
      actions: actions.map((id) => ({ id, label: texts[`${id}_button`] })),
    });
    if (!bar.isConnected) banner.after(bar);
  };
  bar.onaction = (id) => {
    if (id === 'fill') filled = fillIn(form, offer, addRow);
    else offer = null;
    draw();
  };
  signal.addEventListener('abort', () => bar.remove());
  return {
    take(frame) {
      if (offer?.at === frame.at) return; // said again to a page that came back
      [offer, filled] = [frame, null];
      draw();
    },
    allow(editable) {
      if (usable === editable) return;
      usable = editable;
      draw();
    },
  };
}

const offered = ({ too_large: tooLarge }) =>
  (tooLarge ? { lines: ['offer_large_text'], actions: ['close'] } : { lines: ['offer_text'], actions: ['fill', 'dismiss'] });

function fillIn(form, { fields, names }, addRow) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(MARKS);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const mark = (control) => control.setAttribute('data-collab-unsaved', '');
  const { missing } = applyValues(form, fields, { names, addRow, mark });
  const items = missing.map(([name, value, label]) => `${labelOf(form, name)}: ${label ?? value}`);
  return { lines: items.length ? ['filled_text', 'missing_text'] : ['filled_text'], actions: ['close'], items };
}

function labels(form, names) {
  const found = [...new Set(names.map((name) => labelOf(form, name)))];
  return found.slice(0, NAMED).join(', ') + (found.length > NAMED ? ', …' : '');
}

// As the person reads it on the page; else the field's own name.
function labelOf(form, name) {
  const label = Element.prototype.querySelector.call(form, `label[for="${CSS.escape(`id_${name}`)}"], label[for="${CSS.escape(`id_${name}_0`)}"]`);
  return label?.textContent.trim().replace(/:$/, '') || name;
}
