// What the browser put back into a page that was loaded anew (Back, Reload, a tab that is opened again): it keeps what
// a form showed and fills that in, whatever the server sends now. With a fresh page token, the gate could not tell such
// a form from one that shows the present values, and a save would quietly undo the last one.
// It must not know what becomes of what it took out (draft.js), nor the lock.
import { changes } from './drafts.js';
import { rowsFor, rowsOf } from './inlines.js';
import { putBack, readDefaults, readHidden, readValues } from './values.js';

const differing = (form) => changes(readDefaults(form), readValues(form));

// The form as Django rendered it, and `tell` what the browser had put over it, or null. Firefox does so while it reads
// the page, Chrome between `load` and `pageshow`. What differs on a page that was simply opened is a script's doing.
export function takeOut(form, window, signal, tell) {
  const { type = 'navigate' } = window.performance.getEntriesByType('navigation')[0] ?? {};
  if (type === 'navigate') return tell(null);
  const early = differing(form);
  putBack(form, early.names);
  let scripts = []; // fields that scripts of the page have set
  window.addEventListener('load', () => { scripts = differing(form).names; }, { signal });
  window.addEventListener('pageshow', () => {
    const late = differing(form);
    const skip = new Set([...scripts, ...early.names]);
    const add = (list) => list.filter(([name]) => !skip.has(name));
    const names = late.names.filter((name) => !skip.has(name));
    putBack(form, names);
    const found = {
      names: [...early.names, ...names],
      fields: [...early.fields, ...add(late.fields)],
      base: [...early.base, ...add(late.base)],
    };
    tell(found.names.length ? { ...found, rows: rowsFor(rowsOf(readHidden(form)), found.names) } : null);
  }, { once: true, signal });
}
