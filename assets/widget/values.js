// The values of a form's fields: read as a browser would send them, and set as a person would.
// Used for drafts, for changes that are carried over to a newer version, and for what an editor left behind.
// It must not know where values come from nor what becomes of them.
import { controlsOf } from './form.js';
import { read, write } from './rich.js';

const SKIPPED = new Set(['password', 'hidden', 'file', 'submit', 'button', 'reset', 'image', 'fieldset', 'output']);
const MOST_ROWS = 200; // inline rows that are added to hold values; more is no form of a person

const isBox = (control) => control.type === 'checkbox' || control.type === 'radio';
// Django's two-box widget (SelectFilter2.js): what stands in the right box counts, the left one is never sent.
export const isLeft = (control) => control.id.endsWith('_from') && control.matches('.filtered');
export const isRight = (control) => control.id.endsWith('_to') && control.matches('.filtered');

// Fields that were ever of type password: a button that shows what is typed makes text fields of them.
const secrets = new WeakMap(); // form -> names

function carries(control) {
  const { name, type, form } = control;
  if (type === 'password' && form) secrets.set(form, (secrets.get(form) ?? new Set()).add(name));
  if (secrets.get(form)?.has(name)) return false;
  return Boolean(name) && !SKIPPED.has(type) && !name.startsWith('_collab') && name !== 'csrfmiddlewaretoken'
    && !name.includes('__prefix__') && !isLeft(control);
}

const fieldsOf = (form) => [...controlsOf(form)].filter(carries);

// Every name that the form has a field for, also where nothing is chosen.
export const namesOf = (form) => [...new Set(fieldsOf(form).map(({ name }) => name))];

// [[name, value], …]; a choice comes as [name, value, label], since not every form can show it by its value.
// Passwords, files and hidden fields stay where they are.
export function readValues(form) {
  return fieldsOf(form).flatMap((control) => {
    if (isBox(control)) return control.checked ? [[control.name, control.value]] : [];
    if (!control.options) return [[control.name, read(control)]];
    const chosen = [...control.options].filter((option) => option.selected || isRight(control));
    return chosen.map(({ value, text }) => [control.name, value, text]);
  });
}

// The fields that nobody types: they tell the rows of inlines apart.
export function readHidden(form) {
  const hidden = [...controlsOf(form)].filter(({ name, type }) => type === 'hidden' && name && !name.includes('__prefix__'));
  return hidden.map(({ name, value }) => [name, value]);
}

// As `readValues`, of the form as Django rendered it, whatever was typed or restored by the browser since.
export function readDefaults(form) {
  return fieldsOf(form).flatMap((control) => {
    if (isBox(control)) return control.defaultChecked ? [[control.name, control.value]] : [];
    if (!control.options) return [[control.name, control.defaultValue]];
    const options = [...control.options];
    const marked = options.filter((option) => option.defaultSelected || isRight(control));
    const chosen = marked.length || control.multiple ? marked : options.slice(0, 1);
    return chosen.map(({ value, text }) => [control.name, value, text]);
  });
}

// Back to what Django rendered; no file stays chosen.
export function putBack(form, names) {
  const wanted = new Set(names);
  for (const control of controlsOf(form)) {
    if (control.type === 'file') control.value = '';
    if (!carries(control) || !wanted.has(control.name)) continue;
    if (isBox(control)) control.checked = control.defaultChecked;
    else if (!control.options) write(control, control.defaultValue);
    else {
      const options = [...control.options];
      for (const option of options) option.selected = option.defaultSelected;
      if (!control.multiple && !options.some((option) => option.defaultSelected)) control.selectedIndex = options.length ? 0 : -1;
    }
  }
}

// Sets what `entries` say. `names`: every name they speak for, so that a box or a list without an entry is
// emptied. `addRow`: the theme's selector for the links that add an inline row. `mark` is called with each
// control that was changed. Gives the names that were set, and the entries that found no place.
export function applyValues(form, entries, { names = [], addRow = '', mark = () => {} } = {}) {
  const wanted = new Map(names.map((name) => [name, []]));
  for (const [name, value, label] of entries) {
    if (!wanted.has(name)) wanted.set(name, []);
    wanted.get(name).push({ value, label });
  }
  const applied = [];
  const missing = [];
  for (const [name, values] of wanted) {
    if (addRow) makeRow(form, name, addRow);
    const controls = fieldsOf(form).filter((control) => control.name === name);
    const left = controls.length ? set(controls, values, mark) : values;
    if (controls.length && (left.length < values.length || values.length === 0)) applied.push(name);
    missing.push(...left.map(({ value, label }) => [name, value, label ?? value]));
  }
  return { applied, missing };
}

// Gives the values that did not fit.
function set(controls, values, mark) {
  const [first] = controls;
  if (isBox(first)) return setBoxes(controls, values, mark);
  if (first.options) return setChoice(first, values, mark);
  const [{ value } = { value: '' }] = values;
  if (read(first) !== value) {
    write(first, value);
    tell(first, mark);
  }
  return read(first) === value ? [] : values;
}

function setBoxes(boxes, values, mark) {
  for (const box of boxes) {
    const on = values.some(({ value }) => value === box.value);
    if (box.checked === on) continue;
    box.checked = on;
    tell(box, mark);
  }
  return values.filter(({ value }) => !boxes.some((box) => box.value === value));
}

function setChoice(select, values, mark) {
  const partner = isRight(select) ? document.getElementById(select.id.replace(/_to$/, '_from')) : null;
  const offered = () => [...select.options, ...(partner?.options ?? [])];
  for (const { value, label } of values) {
    // An autocomplete field knows no choice but its own until somebody searches.
    const searched = select.matches('.admin-autocomplete, [data-ajax--url]');
    if (searched && label && !offered().some((option) => option.value === value)) select.add(new Option(label, value));
  }
  const has = ({ value }) => offered().some((option) => option.value === value);
  const fitting = values.filter(has).map(({ value }) => value);
  const before = [...select.options].filter((option) => option.selected || partner).map(({ value }) => value);
  if (before.sort().join('\n') !== [...fitting].sort().join('\n') && (fitting.length || values.length === 0)) {
    if (partner) moveBetween(partner, select, fitting);
    else for (const option of select.options) option.selected = fitting.includes(option.value);
    tell(select, mark);
  }
  return values.filter((value) => !has(value));
}

// Through Django's own script, which keeps a copy of both boxes.
function moveBetween(left, right, wanted) {
  const { SelectBox, SelectFilter } = window;
  for (const option of left.options) option.selected = wanted.includes(option.value);
  for (const option of right.options) option.selected = !wanted.includes(option.value);
  SelectBox?.move(right.id, left.id);
  // What has just come over from the right is not to go back with the rest.
  for (const option of left.options) option.selected = wanted.includes(option.value);
  SelectBox?.move(left.id, right.id);
  SelectFilter?.refresh_icons(right.id.replace(/_to$/, ''));
}

// Scripts of the page (select2, prepopulated fields) hear of it as if a person had typed.
function tell(control, mark) {
  control.dispatchEvent(new Event('input', { bubbles: true }));
  control.dispatchEvent(new Event('change', { bubbles: true }));
  mark(control);
}

// The link that adds a row to this group, and not to one that is nested in it.
export function addLink(group, addRow) {
  return [...group.querySelectorAll(addRow)].find((link) => link.closest('[id$="-group"]') === group) ?? null;
}

// The element of one row of a formset: all around its controls that holds no other row's. Themes name it as they like.
export function rowOf(form, prefix, index) {
  const mine = (name) => name?.startsWith(`${prefix}-${index}-`);
  const others = (name) => name?.startsWith(`${prefix}-`) && !mine(name);
  const controls = [...controlsOf(form)];
  let row = controls.find(({ name }) => mine(name)) ?? null;
  const foreign = controls.filter(({ name }) => others(name));
  while (row?.parentElement && row.parentElement !== form && !foreign.some((control) => row.parentElement.contains(control))) row = row.parentElement;
  return row;
}

// `reviews-3-text` needs a fourth row of the inline `reviews`; its link adds one row a click.
function makeRow(form, name, addRow) {
  const [, prefix, index] = /^(.+)-(\d+)-[^-]+$/.exec(name) ?? [];
  if (prefix === undefined || Number(index) >= MOST_ROWS) return;
  const find = (selector) => Element.prototype.querySelector.call(form, selector);
  const total = find(`[name="${CSS.escape(prefix)}-TOTAL_FORMS"]`);
  const group = document.getElementById(`${prefix}-group`);
  for (let rows = Number(total?.value); group && rows <= Number(index); rows += 1) {
    addLink(group, addRow)?.click();
    if (Number(total.value) <= rows) return;
  }
}
