// As much of a form, and of the window around it, as the widget's parts look at: no browser is needed for their rules.
// Import it before the parts.
const own = (form, [, name] = []) => form.controls.filter((control) => control.name === name);
globalThis.HTMLFormElement = class { get elements() { return this.controls; } };
globalThis.Element = class {
  querySelectorAll(selector) { return own(this, /^\[name="(.+)"\]$/.exec(selector) ?? []); }

  querySelector(selector) { return own(this, /^\[name="(.+)"\]$/.exec(selector) ?? [])[0] ?? null; }
};
globalThis.CSS = { escape: (text) => text };
globalThis.MutationObserver = class { observe() {} disconnect() {} };
globalThis.document = { getElementById: () => null, documentElement: { lang: 'en' } };

// `heard`: what a script of the page does when the control changes.
export function control(name, value, { type = 'text', heard = () => {}, defaultValue = value } = {}) {
  return {
    name, value, type, defaultValue, id: '', marks: new Set(),
    matches: () => false,
    closest: () => null,
    dispatchEvent(event) { if (event.type === 'change') heard(); },
    toggleAttribute(mark, on) { if (on) this.marks.add(mark); else this.marks.delete(mark); },
    setAttribute(mark) { this.marks.add(mark); },
    removeAttribute(mark) { this.marks.delete(mark); },
  };
}

export const hidden = (name, value) => control(name, value, { type: 'hidden' });

export const form = (...controls) => ({
  controls,
  get: (name) => controls.find((c) => c.name === name),
  querySelector: () => null, // labels: there are none, and fields are called by their names
});

// Timers that run when they are told to, and listeners that are called by hand.
export function clockwork() {
  const timers = new Map();
  const listeners = [];
  let last = 0;
  return {
    timers,
    setTimeout(work) {
      timers.set(last += 1, work);
      return last;
    },
    clearTimeout: (timer) => timers.delete(timer),
    run() {
      const due = [...timers.values()];
      timers.clear();
      for (const work of due) work();
      return due.length;
    },
    addEventListener: (type, heard) => listeners.push([type, heard]),
    fire(type, fields = {}) {
      const fitting = listeners.filter(([of]) => of === type);
      for (const [, heard] of fitting) heard({ type, isTrusted: true, composedPath: () => [], ...fields });
      return fitting.length;
    },
  };
}
