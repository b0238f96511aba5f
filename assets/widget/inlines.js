// Which row of an inline formset is which when a form is rendered again: Django numbers rows by their place, and only
// their hidden fields say which object they are of (BaseModelFormSet.add_fields). Pure, and the same rule as the
// proxy's own (src/django/inlines.rs), which writes such keys too. It must not know what is done with the values.

const MOST = 1_000; // rows of one formset

// `reviews-3-text` → its parts. One formset's prefix may begin with another's: the longest counts.
function split(name, prefixes) {
  for (const { index, 1: row } of [...name.matchAll(/-(?=(\d+)-)/g)].reverse()) {
    const prefix = name.slice(0, index);
    if (prefixes.has(prefix)) return { prefix, row: Number(row), field: name.slice(index + row.length + 2) };
  }
  return null;
}

// Other hidden fields may change while the row stays the same one: its place in an order.
function keyOf(parts, row) {
  const id = parts.find(([field, value]) => field === 'id' && value !== '');
  if (id) return `id=${id[1]}`;
  return parts.length ? parts.map(([field, value]) => `${field}=${value}`).sort().join('\n') : `#${row}`;
}

// { prefix: { saved, keys } } of a form, from its hidden fields [[name, value], …]: how many rows are of saved
// objects, and what tells each of those apart.
export function rowsOf(hidden) {
  const saved = new Map();
  for (const [name, value] of hidden) {
    if (name.endsWith('-INITIAL_FORMS')) saved.set(name.slice(0, -'-INITIAL_FORMS'.length), Math.min(Number(value) || 0, MOST));
  }
  const found = new Map();
  for (const [name, value] of hidden) {
    const at = split(name, saved);
    if (!at || at.row >= saved.get(at.prefix)) continue;
    const place = `${at.prefix}-${at.row}`;
    found.set(place, [...(found.get(place) ?? []), [at.field, value]]);
  }
  const keys = (prefix, count) => Array.from({ length: count }, (_, row) => keyOf(found.get(`${prefix}-${row}`) ?? [], row));
  return Object.fromEntries([...saved].map(([prefix, count]) => [prefix, { saved: count, keys: keys(prefix, count) }]));
}

// FNV-1a, twice with different beginnings: short, and good enough to tell the rows of one form apart.
function short(text) {
  return [0x811c9dc5, 0x01000193].map((start) => {
    let hash = start;
    for (const c of text) hash = Math.imul(hash ^ c.codePointAt(0), 0x01000193) >>> 0;
    return hash.toString(36);
  }).join('');
}

// As other people's pages are told of rows: what tells them apart may be hidden fields, whose values are nobody's.
export const sealed = (rows) => Object.fromEntries(Object.entries(rows).map(([prefix, formset]) => [
  prefix, { ...formset, keys: formset.keys.map((key) => (/^(id=|#)/.test(key) ? key : short(key))) },
]));

// Of the formsets that these fields are of.
export function rowsFor(rows, names) {
  const prefixes = new Set(Object.keys(rows));
  const used = new Set(names.map((name) => split(name, prefixes)?.prefix));
  return Object.fromEntries(Object.entries(rows).filter(([prefix]) => used.has(prefix)));
}

// What a field of then is called now; null where its row is gone.
function renamer(then, now) {
  const prefixes = new Set(Object.keys(then));
  return (name) => {
    const at = split(name, prefixes);
    if (!at) return name;
    const [was, is] = [then[at.prefix], now[at.prefix]];
    // Rows that the person added go below whatever is there now.
    const row = at.row < was.saved ? (is?.keys ?? []).indexOf(was.keys[at.row]) : (is?.saved ?? 0) + at.row - was.saved;
    return row < 0 ? null : `${at.prefix}-${row}-${at.field}`;
  };
}

// Values by the names that the form has for them now. `gone`: what was typed in rows that are not there any more.
export function carriedOver({ names, fields, base = [], rows = {} }, now) {
  const rename = renamer(rows, now);
  const kept = (list) => list.map(([name, ...rest]) => [rename(name), ...rest]).filter(([name]) => name !== null);
  return {
    names: names.map(rename).filter((name) => name !== null),
    fields: kept(fields),
    base: kept(base),
    gone: fields.filter(([name]) => rename(name) === null),
  };
}
