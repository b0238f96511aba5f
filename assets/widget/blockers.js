// Stops every event that could change a read-only form before any script of the page sees it, and lets
// reading through: selecting, copying, scrolling, tabbing, opening sections, following links.
// Inside the form everything is stopped that is not known to be harmless, since no list of widgets is ever
// complete. It must not know attributes (form.js) nor why the form is read-only.

const PRESSES = new Set(['mousedown', 'mouseup']);
const CLICKS = new Set(['click', 'dblclick', 'auxclick']);
const POINTER = ['pointerdown', 'pointerup', 'touchstart', 'touchend', ...PRESSES, ...CLICKS];
const KEYS = ['keydown', 'keypress', 'keyup'];
const EDITS = ['beforeinput', 'paste', 'cut', 'drop', 'dragstart', 'dragenter', 'dragover'];
const FOCUS = ['focus', 'focusin']; // prepopulated fields fill themselves and pickers open on focus
const CONTROL = 'input, select, textarea, button, option, label, [contenteditable], [role="button"], [role="combobox"], a';
const PRESSED = 'select, option, button, [role="combobox"], [draggable="true"]';
const TEXT = 'textarea, input:not([type="checkbox"], [type="radio"], [type="file"], [type="button"], [type="submit"], [type="image"])';

const READING_KEYS = /^(Tab|Escape|Arrow.*|Home|End|Page.*|Shift|Control|Alt|Meta|ContextMenu|F\d+)$/;
const READING_CHORDS = /^[acfgprtwnl+\-0-9]$/i; // select all, copy, find, print, …: what the browser does itself

export function block(target, form, rules, signal) {
  const on = (types, handle) => {
    // Touches are only hidden from the page's scripts, never prevented: a finger must be able to scroll.
    for (const type of types) target.addEventListener(type, (event) => {
      const zone = classify(event, form, rules);
      if (zone) handle(event, zone);
    }, { capture: true, signal, passive: type.startsWith('touch') });
  };

  on(POINTER, (event, { name, node }) => {
    if (name === 'allowed') return;
    event.stopImmediatePropagation();
    // The default of a press is selecting text; only a press that would act or drag is prevented.
    if (PRESSES.has(event.type)) {
      if (name === 'blocked' || node.matches(PRESSED)) event.preventDefault();
    } else if (CLICKS.has(event.type) && name !== 'plain' && !node.matches(TEXT)) {
      event.preventDefault();
    }
  });
  on(KEYS, (event, { name, node }) => {
    if (name === 'allowed') return;
    event.stopImmediatePropagation();
    if (name === 'plain' || reading(event)) return;
    if (event.key === ' ' && !node.matches(CONTROL)) return; // scrolls the page
    event.preventDefault();
  });
  on(EDITS, (event) => {
    event.stopImmediatePropagation();
    event.preventDefault();
    // For a drag, "prevented" means "may be dropped here" unless the effect says otherwise.
    if (event.type.startsWith('drag') && event.dataTransfer) event.dataTransfer.dropEffect = 'none';
  });
  on(FOCUS, (event, { name }) => name !== 'allowed' && event.stopImmediatePropagation());
  on(['submit', 'reset'], (event) => {
    event.stopImmediatePropagation();
    event.preventDefault();
  });
}

function reading(event) {
  if (READING_KEYS.test(event.key)) return !event.target.matches?.('select, [type="radio"], [type="range"]') || event.key === 'Tab';
  return (event.ctrlKey || event.metaKey) && READING_CHORDS.test(event.key);
}

// Which kind of place an event comes from, the nearest element deciding; null when it is not the form's.
function classify(event, form, { blocked, allow, outside }) {
  const path = event.composedPath().filter((node) => node.nodeType === Node.ELEMENT_NODE);
  const inside = path.includes(form);
  for (const node of path) {
    if (node === form) return { name: 'plain', node };
    if (inside || node.form === form) {
      if (blocked && node.matches(blocked)) return { name: 'blocked', node };
      if (allow && node.matches(allow)) return { name: 'allowed', node };
      if (node.matches(CONTROL)) return { name: 'control', node };
    } else if (outside && node.matches(outside)) {
      return { name: 'blocked', node };
    }
  }
  return null;
}
