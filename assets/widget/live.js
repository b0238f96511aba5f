// The edit as it happens: what the editor types goes out field by field, and shows in the read-only forms of the others,
// marked, until it is saved or taken back. Nothing of it is ever sent with a form.
// It must not know who edits (view.js) nor how frames travel; how a form is read and filled in is values.js's.
import { changes } from './drafts.js';
import { all } from './form.js';
import { carriedOver, rowsOf, sealed } from './inlines.js';
import { placeOf } from './rich.js';
import { addLink, applyValues, namesOf, readHidden, readValues, rowOf } from './values.js';

const EVERY = 150; // what has changed is told so soon; dirty.js looks only now and then
const FOCUS_EVERY = 600; // the proxy takes 60 frames in 10 s, and typing comes first
const ROUNDS = 3; // scripts of a page answer each other's changes, but not for ever
const LIMIT = 48 * 1024; // what the proxy passes on (docs/protocol.md)

const byName = (entries) => {
  const found = new Map();
  for (const [name, ...rest] of entries) found.set(name, [...(found.get(name) ?? []), [name, ...rest]]);
  return found;
};

// How many rows each formset has, with those that are not saved.
function totals(form) {
  const hidden = readHidden(form).filter(([name]) => name.endsWith('-TOTAL_FORMS'));
  return new Map(hidden.map(([name, value]) => [name.slice(0, -'-TOTAL_FORMS'.length), Number(value)]));
}

// The editor's side. `unsaved()`: what differs from what Django rendered, as draft.js has it.
export class Sharing {
  #sent = new Map(); // name -> its entries, as they were sent
  #told = new Set(); // every field that was ever spoken of
  #large = false;
  #timer = null;
  #focusTimer = null;
  #focus = null;
  #active = false;

  constructor(form, { unsaved, send, setTimeout, clearTimeout }) {
    Object.assign(this, { form, unsaved, send, setTimeout, clearTimeout });
  }

  // Somebody reads along, and this page edits. With nobody there, nothing leaves the page.
  set(active) {
    if (active === this.#active) return;
    this.#active = active;
    // What was spoken of before may have been taken back since: it is said once more.
    this.#sent = new Map([...this.#told].map((name) => [name, 'unknown']));
    this.#large = false;
    if (active) this.changed();
  }

  // What others heard before is not known any more: a line that broke.
  again() {
    if (!this.#active) return;
    this.set(false);
    this.set(true);
  }

  changed() {
    if (this.#active) this.#timer ??= this.setTimeout(() => this.#tell(), EVERY);
  }

  // Whoever runs through the fields is not followed step by step.
  focus(name) {
    this.#focus = name;
    if (this.#active) this.#focusTimer ??= this.setTimeout(() => this.#tellFocus(), FOCUS_EVERY);
  }

  #tellFocus() {
    this.#focusTimer = null;
    if (this.#active) this.send('field_focus', { name: this.#focus });
  }

  #tell() {
    this.#timer = null;
    if (!this.#active) return;
    const whole = this.unsaved();
    const now = new Map(whole.names.map((name) => [name, []]));
    for (const [name, entries] of byName(whole.fields)) now.set(name, entries);
    const size = new TextEncoder().encode(JSON.stringify(whole)).length;
    if (size > LIMIT) {
      if (!this.#large) this.send('field_changed', { fields: [], names: [], rows: {}, too_large: true });
      this.#large = true;
      this.#sent = new Map([...this.#told].map((name) => [name, 'unknown']));
      return;
    }
    this.#large = false;
    const text = (entries) => JSON.stringify(entries ?? null);
    const names = [...new Set([...now.keys(), ...this.#sent.keys()])].filter((name) => text(now.get(name)) !== text(this.#sent.get(name)));
    if (names.length === 0) return;
    // What was taken back says what it is now.
    const present = byName(readValues(this.form));
    const fields = names.flatMap((name) => now.get(name) ?? present.get(name) ?? []);
    const rows = sealed(rowsOf(readHidden(this.form)));
    const counted = totals(this.form);
    const used = Object.entries(rows).filter(([prefix]) => names.some((name) => name.startsWith(`${prefix}-`)));
    const told = Object.fromEntries(used.map(([prefix, formset]) => [prefix, { ...formset, total: counted.get(prefix) }]));
    if (!this.send('field_changed', { fields, names, rows: told, too_large: false })) return;
    this.#sent = now;
    for (const name of names) this.#told.add(name);
  }
}

// The others' side. `lift(work)`: works on the form while it is not read-only.
export class LiveView {
  #saved = null; // what the form showed before any of it, by name
  #rows = null; // … and how many rows each formset had
  #shown = new Set(); // fields that show something unsaved
  #marked = null; // where the editor is

  constructor(form, { addRow, removeRow, lift }) {
    Object.assign(this, { form, addRow, removeRow, lift });
  }

  get showing() {
    return this.#shown.size > 0;
  }

  get names() {
    return [...this.#shown];
  }

  show({ whole, fields, names, rows = {} }) {
    this.#saved ??= byName(readValues(this.form));
    this.#rows ??= totals(this.form);
    const there = carriedOver({ fields, names, rows }, sealed(rowsOf(readHidden(this.form))));
    const wanted = new Map(there.names.map((name) => [name, []]));
    for (const [name, entries] of byName(there.fields)) wanted.set(name, entries);
    // What is not named any more is as it was saved.
    if (whole) for (const name of this.#shown) if (!wanted.has(name)) wanted.set(name, this.#saved.get(name) ?? []);
    this.#fill(wanted);
    // … nor are the rows that were added.
    const counts = whole ? { ...Object.fromEntries([...this.#rows].map(([prefix, total]) => [prefix, { total }])), ...rows } : rows;
    for (const [prefix, { total }] of Object.entries(counts)) if (total !== undefined) this.#dropRows(prefix, total);
  }

  // Back to what it showed, before anybody edits this form: also what the site's scripts have made of it.
  clear() {
    this.focus(null);
    if (!this.#saved) return;
    for (const [prefix, total] of this.#rows) this.#dropRows(prefix, total);
    const saved = [...this.#saved.values()].flat();
    for (let round = 0; round < ROUNDS; round += 1) {
      const { names } = changes(saved, readValues(this.form));
      const back = new Set([...names, ...this.#shown]);
      if (back.size === 0) break;
      this.#fill(new Map([...back].map((name) => [name, this.#saved.get(name) ?? []])));
    }
    this.#saved = null;
    this.#rows = null;
    this.#shown.clear();
  }

  focus(name, rows = {}) {
    const [now] = name === null ? [null] : carriedOver({ fields: [], names: [name], rows }, sealed(rowsOf(readHidden(this.form)))).names;
    this.#marked?.removeAttribute('data-collab-here');
    this.#marked = now ? this.#places(now)[0] ?? null : null;
    this.#marked?.setAttribute('data-collab-here', '');
  }

  #fill(wanted) {
    if (wanted.size === 0) return;
    const work = () => applyValues(this.form, [...wanted.values()].flat(), { names: [...wanted.keys()], addRow: this.addRow });
    const known = new Set(namesOf(this.form));
    if ([...wanted.keys()].some((name) => !known.has(name) && this.#canMake(name))) this.lift(work);
    else work();
    const text = (entries) => JSON.stringify((entries ?? []).map(([, value]) => value).sort());
    for (const [name, entries] of wanted) {
      const unsaved = text(entries) !== text(this.#saved.get(name));
      if (unsaved) this.#shown.add(name);
      else this.#shown.delete(name);
      for (const place of this.#places(name)) place.toggleAttribute('data-collab-live', unsaved);
    }
  }

  // Is there a link that adds the row of this field?
  #canMake(name) {
    const [, prefix] = /^(.+)-\d+-[^-]+$/.exec(name) ?? [];
    const group = prefix === undefined ? null : document.getElementById(`${prefix}-group`);
    return Boolean(this.addRow && group && addLink(group, this.addRow));
  }

  // Rows that the editor has added and taken away again.
  #dropRows(prefix, total) {
    const found = () => rowOf(this.form, prefix, total)?.querySelector(this.removeRow);
    if (!found() || total < (this.#rows?.get(prefix) ?? 0)) return;
    this.lift(() => {
      // Each is removed by the theme's own link, which renumbers the rest.
      for (let left = 200; left > 0 && found(); left -= 1) found().click();
    });
    for (const name of [...this.#shown]) if (!namesOf(this.form).includes(name)) this.#shown.delete(name);
  }

  #places(name) {
    return [...all(this.form, `[name="${CSS.escape(name)}"]`)].map(placeOf);
  }
}
