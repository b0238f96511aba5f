// The object's form: finds it, makes it read-only, gives it back exactly as it was.
// Attributes keep people and assistive technology from editing; blockers.js stops what attributes cannot.
// It must not know why a form is read-only. It names no selector of a theme: those come from the
// configuration (assets/themes.toml).
import { block } from './blockers.js';
import { follow } from './rich.js';
import { readOnlyCss, sheetOf, wear } from './style.js';

// Django fields may be called `elements`, `contains` or `title`, and a form's controls hide its own
// properties of the same name. So the form is only ever touched through prototypes.
export const controlsOf = (form) => Reflect.get(HTMLFormElement.prototype, 'elements', form);
export const all = (root, selector) => Element.prototype.querySelectorAll.call(root, selector);

// A frame's document; of another site's there is none for us.
export function within(frame) {
  try {
    return frame.contentDocument;
  } catch {
    return null;
  }
}

// Kinds of input that have no `readonly`; a disabled control is the only one no platform opens a picker for.
const NO_READONLY = new Set(['checkbox', 'radio', 'file', 'range', 'color', 'button', 'submit', 'reset', 'image']);
const STUBBORN = 20; // a script that keeps undoing us wins after that: no endless loop between two observers

export function findForm(document, id) {
  const form = id ? document.getElementById(id) : null;
  return form instanceof HTMLFormElement ? form : document.querySelector('input[name="_collab"]')?.form ?? null;
}

export class ReadOnlyForm {
  #held = new Map(); // element -> Map(attribute -> what stood there before us)
  #fights = new WeakMap();
  #frames = new WeakSet(); // whose loading is listened to
  #stop = null;

  constructor(form, { block: blocked = [], allow = [] } = {}) {
    this.form = form;
    // Pop-ups of the form (calendars, lists) hang below the body; every other selector means the form's inside.
    const popUp = (selector) => selector.startsWith('body >');
    this.rules = {
      blocked: blocked.filter((selector) => !popUp(selector)).join(),
      outside: blocked.filter(popUp).join(),
      allow: allow.join(),
    };
  }

  set(readOnly) {
    if (readOnly === (this.#stop !== null) || !this.form) return;
    if (readOnly) this.#lock();
    else this.release();
  }

  // Does something to the form as if it were not read-only.
  lift(work) {
    const was = this.#stop !== null;
    this.release();
    try {
      work();
    } finally {
      this.set(was);
    }
  }

  release() {
    if (!this.#stop) return;
    this.#stop.abort();
    this.#stop = null;
    this.#fights = new WeakMap(); // the next time is another fight
    this.#frames = new WeakSet();
    for (const [element, attributes] of this.#held) {
      for (const [name, before] of attributes) put(element, name, before);
      follow(element);
    }
    this.#held.clear();
  }

  #lock() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    block(window, this.form, this.rules, signal);
    this.#muteSubmit(signal);
    const sheet = sheetOf(readOnlyCss(this.rules.blocked, this.rules.outside));
    wear(sheet, true);
    signal.addEventListener('abort', () => wear(sheet, false));
    this.#cover();
    window.addEventListener('blur', () => this.#cover(), { signal });
    this.#observe(document.documentElement, signal);
  }

  // Rows, editors and buttons that appear while the form is read-only, wherever a theme puts them.
  #observe(root, signal) {
    const observer = new MutationObserver(() => this.#cover());
    observer.observe(root, {
      subtree: true, childList: true, attributes: true, attributeFilter: ['disabled', 'readonly', 'contenteditable'],
    });
    signal.addEventListener('abort', () => observer.disconnect());
  }

  #cover() {
    const { form, rules } = this;
    this.#hold(form, 'data-collab-readonly', '');
    for (const control of [...controlsOf(form), ...all(form, 'input[type="image"]')]) this.#coverControl(control);
    for (const element of rules.blocked ? all(form, rules.blocked) : []) this.#hold(element, 'aria-disabled', 'true');
    for (const element of rules.outside ? document.querySelectorAll(rules.outside) : []) this.#hold(element, 'aria-disabled', 'true');
    for (const element of all(form, '[contenteditable]')) this.#coverEditable(element);
    for (const frame of all(form, 'iframe')) this.#coverFrame(frame);
  }

  #coverControl(control) {
    const { allow } = this.rules;
    if (control.matches('fieldset, output, object, [type="hidden"]')) return;
    if (control.matches('button, [type="button"]') && allow && control.matches(allow)) return;
    const text = control.matches('textarea') || (control.matches('input') && !NO_READONLY.has(control.type));
    this.#hold(control, text ? 'readonly' : 'disabled', '');
    follow(control);
    // Themes draw disabled buttons like live ones, and some stand outside the form.
    if (control.matches('button, [type="submit"], [type="button"]')) this.#hold(control, 'data-collab-off', '');
  }

  #coverEditable(element) {
    if (element.isContentEditable) this.#hold(element, 'contenteditable', 'false');
  }

  // Rich-text editors that live in a frame of their own. Frames of other sites are none of our business.
  #coverFrame(frame) {
    const inner = within(frame);
    // Some editors write their frame's document anew, with nothing of ours left in it.
    if (!this.#frames.has(frame)) {
      this.#frames.add(frame);
      frame.addEventListener('load', () => this.#stop && this.#coverFrame(frame), { signal: this.#stop.signal });
    }
    if (!inner?.documentElement || this.#held.has(inner.documentElement)) return;
    const editable = inner.designMode === 'on' || all(inner.documentElement, '[contenteditable]').length > 0;
    if (!editable) return;
    const { signal } = this.#stop;
    this.#held.set(inner.documentElement, new Map()); // marks it as covered; there is nothing to put back on it
    for (const element of all(inner.documentElement, '[contenteditable]')) this.#coverEditable(element);
    if (inner.designMode === 'on') {
      inner.designMode = 'off';
      signal.addEventListener('abort', () => { inner.designMode = 'on'; });
    }
    block(inner.defaultView, inner.documentElement, this.rules, signal);
  }

  // Sets an attribute and remembers what stood there. A script that changed it meanwhile meant its own value
  // to hold once we are gone, so that is what we remember then.
  #hold(element, name, value) {
    const before = element.getAttribute(name);
    const boolean = name === 'disabled' || name === 'readonly';
    if (before === value || (boolean && before !== null)) return;
    const fights = (this.#fights.get(element) ?? 0) + 1;
    if (fights > STUBBORN) return;
    this.#fights.set(element, fights);
    if (!this.#held.has(element)) this.#held.set(element, new Map());
    this.#held.get(element).set(name, before);
    put(element, name, value);
  }

  // `form.submit()` fires no event.
  #muteSubmit(signal) {
    const before = Object.getOwnPropertyDescriptor(this.form, 'submit');
    if (before && !before.configurable) return;
    Object.defineProperty(this.form, 'submit', { value() {}, configurable: true, writable: true });
    signal.addEventListener('abort', () => {
      delete this.form.submit;
      if (before) Object.defineProperty(this.form, 'submit', before);
    });
  }
}

// Through the prototype for the sake of the form itself, see above.
function put(element, name, value) {
  if (value === null) Element.prototype.removeAttribute.call(element, name);
  else Element.prototype.setAttribute.call(element, name, value);
}
