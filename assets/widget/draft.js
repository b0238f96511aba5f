// One page's draft: kept while somebody types, offered back when the form opens again.
// Owns when a draft is made, offered, filled in and forgotten; drafts.js owns how it is kept, values.js how a
// form is read and filled, notice.js how an offer looks. It must not know the lock: it is told when the form
// can be edited.
import { changes, find, findUnknown, forget, isIn, keep } from './drafts.js';
import { carriedOver, rowsFor, rowsOf } from './inlines.js';
import { clockTime } from './people.js';
import { placeOf } from './rich.js';
import { fill } from './texts.js';
import { applyValues, namesOf, readDefaults, readHidden, readValues } from './values.js';

const UNKNOWN = 0; // the version of a page that nobody could say it of
const SOON = 1_000; // what was typed reaches the storage this late at most

export class Draft {
  #form;
  #before; // what Django rendered
  #found = null; // an earlier draft that waits for a decision
  #raw = null; // … as it is kept
  #timer = null;
  #dirty = false;
  #editable = null; // not known yet
  #looked = false; // for an earlier draft
  #text = 'draft_text'; // … or the one before it was answered
  #passing = false; // the notice shows nothing that is lost with it

  constructor(form, config, texts, notice, { storage, window, begin = () => {} }) {
    Object.assign(this, { config, texts, notice, storage, window, begin });
    this.#form = form;
    this.#before = config.base ?? readDefaults(form);
    notice.onaction = (id) => this.#answer(id);
    // What Django gave back with errors is work from the first moment.
    if (config.unsaved) this.changed(true);
  }

  get #user() {
    return this.config.user.user_id;
  }

  // Is there an earlier draft of this person and object that is still work? `restored`: what the browser had put back.
  look(restored) {
    this.#looked = true;
    this.#find(restored);
    if (this.#editable !== null) this.#suggest();
  }

  #find(restored) {
    const { config, storage } = this;
    if (!config.can_edit) return;
    let kept = find(storage, this.#user, config.object, Date.now()) ?? this.#inherited();
    if (restored && !covers(kept, restored)) kept = this.#adopt(kept, restored);
    // Her own work on this very version, which was on the screen a moment ago.
    else if (restored && kept.version === config.version) kept.apply = true;
    this.#offered(kept);
  }

  // What was kept of them under another id, from now on under this one.
  #inherited() {
    const { config, storage } = this;
    const found = config.user.known === false ? null : findUnknown(storage, config.user.name, config.object, Date.now());
    if (!found) return null;
    const { unknown, ...draft } = found.draft;
    if (!keep(storage, this.#user, config.object, draft, Date.now())) return null;
    forget(storage, found.user, config.object);
    return draft;
  }

  // Takes up the next draft that is still work: this one, or those that were not answered before it.
  #offered(kept) {
    const { config, storage } = this;
    const saved = (draft) => config.saved_pages?.includes(draft.page);
    let next = kept;
    while (next) {
      const found = { ...next, ...carriedOver(next, rowsOf(readHidden(this.#form))) };
      if (!saved(next) && (found.gone.length || next.files?.length || !isIn(found, readValues(this.#form)))) {
        this.#found = found;
        this.#raw = next;
        if (next !== kept) keep(storage, this.#user, config.object, next, Date.now());
        return;
      }
      next = next.older ?? null;
    }
    this.#found = null;
    this.#raw = null;
    if (kept) forget(storage, this.#user, config.object);
  }

  // What only the browser had kept. Of which version it is, nobody knows.
  #adopt(kept, restored) {
    const older = kept && !this.config.saved_pages?.includes(kept.page) ? kept : { names: [], fields: [], base: [], rows: {} };
    const had = new Set(older.names);
    const add = (list) => list.filter(([name]) => !had.has(name));
    const draft = {
      page: null,
      version: null,
      restored: true,
      names: [...older.names, ...restored.names.filter((name) => !had.has(name))],
      fields: [...older.fields, ...add(restored.fields)],
      base: [...older.base, ...add(restored.base)],
      rows: { ...restored.rows, ...older.rows },
    };
    keep(this.storage, this.#user, this.config.object, draft, Date.now());
    return { v: 1, at: Date.now(), ...draft };
  }

  // The form can be edited now, or no more.
  setEditable(editable) {
    // Told with every breath of the state; an offer that is being read must not be redrawn for nothing.
    if (this.#editable === editable) return;
    this.#editable = editable;
    if (!editable && this.#passing) this.notice.hide();
    this.#suggest();
  }

  #suggest() {
    if (!this.#found) return;
    if (this.#editable && this.#found.apply) this.#fillIn();
    else this.#offer();
  }

  // `dirty`: the form differs from what was rendered.
  changed(dirty) {
    const was = this.#dirty;
    this.#dirty = dirty;
    if (!dirty && this.#looked) this.#nothingNew(was);
    if (dirty) this.#timer ??= this.window.setTimeout(() => this.flush(), SOON);
  }

  // What was typed here is taken back: what is left is the draft that waits, or none.
  #nothingNew(was) {
    if (!this.#raw) forget(this.storage, this.#user, this.config.object);
    else if (was) keep(this.storage, this.#user, this.config.object, this.#raw, Date.now());
  }

  // Keeps what is typed now. False if it could not be kept.
  flush() {
    this.window.clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.#dirty) return true;
    const { config } = this;
    const draft = { page: config.page_id, version: config.version, ...this.unsaved() };
    if (config.user.known === false) draft.unknown = config.user.name;
    // An offer that nobody has answered is kept beside it.
    if (this.#raw) draft.older = this.#raw;
    return keep(this.storage, this.#user, config.object, draft, Date.now());
  }

  // What differs from what Django rendered.
  unsaved() {
    const changed = changes(this.#before, readValues(this.#form));
    return { ...changed, rows: rowsFor(rowsOf(readHidden(this.#form)), changed.names) };
  }

  // The person wants none of it.
  discard() {
    this.#dirty = false;
    this.window.clearTimeout(this.#timer);
    forget(this.storage, this.#user, this.config.object);
  }

  #offer(rows) {
    const { at } = this.#found;
    const { texts, config } = this;
    const time = clockTime(at, document.documentElement.lang, Date.now());
    const old = this.#found.version !== config.version;
    // Of a page that was rendered while the store was away nobody knows what was saved before it: perhaps this draft.
    const known = config.version !== UNKNOWN;
    const said = known ? [fill(texts[this.#text], { time }), old ? texts.draft_old_text : ''] : [fill(texts.draft_unsure_text, { time })];
    const lines = this.#found.restored ? [texts.restored_text] : said;
    lines.push(this.#editable ? '' : texts.draft_wait_text);
    const ids = [...(this.#editable ? ['restore'] : []), ...(rows ? [] : ['compare']), 'forget'];
    this.notice.show({
      text: lines.filter(Boolean).join(' '),
      actions: ids.map((id) => ({ id, label: texts[`${id}_button`] })),
      rows,
    });
  }

  #answer(id) {
    if (id === 'restore') return this.#fillIn();
    if (id === 'compare') return this.#offer(this.#rows());
    this.notice.hide();
    if (id === 'forget') this.#next();
    // Where there was one before it, that is offered now.
    this.#suggest();
  }

  // One draft is dealt with; perhaps there was another before it.
  #next() {
    const older = this.#raw?.older ?? null;
    this.#text = 'draft_earlier_text';
    this.#raw = null;
    this.#offered(older);
    if (this.#dirty) this.flush();
    else if (!this.#raw) forget(this.storage, this.#user, this.config.object);
  }

  #fillIn() {
    const { fields, names, gone, files = [] } = this.#found;
    this.begin();
    const done = fillIn(this.#form, fields, names, this.config.add_row);
    this.#passing = showFilled(this.notice, this.texts, this.#form, { ...done, gone, files });
    // The same work, now this page's.
    this.#dirty = true;
    this.#next();
  }

  #rows() {
    return compared(this.#found, this.#form, this.texts.draft_column, this.texts);
  }
}

// Does a draft hold what the browser restored?
const covers = (draft, { names, fields }) =>
  draft !== null && names.every((name) => draft.names.includes(name)) && isIn({ names, fields: draft.fields }, fields);

// Values that are offered, beside what the form shows now; those of rows that are gone last.
export function compared({ names, fields, gone }, form, column, texts) {
  const now = readValues(form);
  const shown = (list, name) => list.filter(([n]) => n === name).map(([, value, label]) => label ?? value).join(', ');
  const rows = names.map((name) => ({
    label: labelOf(form, name),
    cells: [[column, shown(fields, name)], [texts.page_column, shown(now, name)]],
  }));
  const lost = [...new Set(gone.map(([name]) => name))].map((name) => ({
    label: labelOf(form, name),
    cells: [[column, shown(gone, name)], [texts.page_column, texts.row_gone_text]],
  }));
  return [...rows, ...lost];
}

// Fills values in and marks the fields, until the page goes.
export function fillIn(form, entries, names, addRow) {
  const known = new Set(namesOf(form));
  const mark = (control) => {
    placeOf(control).setAttribute('data-collab-filled', '');
    // What was filled in must be seen.
    control.closest('details:not([open])')?.setAttribute('open', '');
  };
  return applyValues(form, entries, { names: names.filter((name) => known.has(name) || entries.some(([n]) => n === name)), addRow, mark });
}

// Gives whether all of it found its place.
export function showFilled(notice, texts, form, { applied, missing, gone = [], files = [] }) {
  const order = namesOf(form);
  const sorted = [...applied].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const labels = sorted.map((name) => labelOf(form, name)).join(', ');
  const left = [
    ...missing.map(([name, , label]) => ({ label: labelOf(form, name), cells: [['', label]] })),
    ...gone.map(([name, value, label]) => ({ label: labelOf(form, name), cells: [['', label ?? value], ['', texts.row_gone_text]] })),
    ...files.map(([name, file]) => ({ label: labelOf(form, name), cells: [['', file], ['', texts.file_again_text]] })),
  ];
  const lines = [labels ? fill(texts.filled_text, { fields: labels }) : '', left.length ? texts.not_filled_text : ''];
  notice.show({ text: lines.filter(Boolean).join(' '), actions: [{ id: 'done', label: texts.done_button }], rows: left });
  return !left.length;
}

// The second of two boxes for one field (a date and its time) has no label of its own.
function pairLabel(form, name) {
  const [, field, part] = /^(.+)_(\d+)$/.exec(name) ?? [];
  if (field === undefined) return '';
  const label = form.querySelector(`label[for="${CSS.escape(`id_${field}`)}"], label[for="${CSS.escape(`id_${field}_0`)}"]`);
  return label ? `${label.textContent.trim().replace(/:$/, '')} (${Number(part) + 1})` : '';
}

// What people call a field.
export function labelOf(form, name) {
  const control = form.querySelector(`[name="${CSS.escape(name)}"]`) ?? null;
  // The two boxes of a filtered list have labels of their own; people know the field by the one above both.
  const box = control?.id.endsWith('_to') ? form.ownerDocument.querySelector(`label[for="${CSS.escape(control.id.slice(0, -3))}"]`) : null;
  const label = (box ?? control?.labels?.[0])?.textContent ?? control?.getAttribute('aria-label') ?? '';
  const own = label.trim().replace(/:$/, '') || pairLabel(form, name);
  const [, prefix, row, field] = /^(.+)-(\d+)-([^-]+)$/.exec(name) ?? [];
  if (prefix === undefined) return own || name;
  const words = (text) => text.replaceAll('_', ' ');
  return `${words(prefix)} #${Number(row) + 1}: ${own || words(field)}`;
}
