// Unsaved work that changes hands: what the one who loses the lock leaves, and what the next one is offered.
// Nothing is filled in unasked, nothing saved by itself. It must not know who may have the lock, nor how frames
// travel; how a form is filled in is draft.js's and values.js's.
import { compared, fillIn, labelOf, showFilled } from './draft.js';
import { isIn } from './drafts.js';
import { carriedOver, rowsOf, sealed } from './inlines.js';
import { fill } from './texts.js';
import { readHidden, readValues } from './values.js';

const LIMIT = 48 * 1024; // what the proxy passes on (docs/protocol.md)
const NAMED = 4; // fields that are called by their names

// What a page leaves, as the frame takes it.
export function pack({ fields, names, rows }) {
  const values = { fields, names, rows: sealed(rows), too_large: false };
  const size = new TextEncoder().encode(JSON.stringify(values)).length;
  return size <= LIMIT ? values : { fields: [], names: [], rows: {}, too_large: true };
}

// Shows offers in `notice`. `begin` is told before anything is filled in. `take` is told of one, `allow` whether the form can be filled in now.
export function offers(notice, form, texts, addRow, begin = () => {}) {
  let offer = null;
  let last = 0;
  let usable = false;
  let lasting = false; // what found no place stands nowhere else, so it stays in sight
  const labels = () => {
    const names = [...offer.names, ...offer.gone.map(([name]) => name)];
    const found = [...new Set(names.map((name) => labelOf(form, name)))];
    return found.slice(0, NAMED).join(', ') + (found.length > NAMED ? ', …' : '');
  };
  const draw = (rows) => {
    if (!offer || !usable) return notice.hide();
    const ids = offer.too_large ? ['dismiss'] : ['restore', ...(rows ? [] : ['compare']), 'dismiss'];
    const text = texts[offer.too_large ? 'offer_large_text' : 'offer_text'];
    notice.show({
      text: fill(text, { from: offer.by, fields: labels() }),
      actions: ids.map((id) => ({ id, label: texts[`${id}_button`] })),
      rows,
    });
  };
  notice.onaction = (id) => {
    if (id === 'compare') return draw(compared(offer, form, offer.by, texts));
    const { fields, names, gone } = offer ?? {};
    offer = null;
    lasting = false;
    if (id !== 'restore') return notice.hide();
    begin();
    lasting = !showFilled(notice, texts, form, { ...fillIn(form, fields, names, addRow), gone });
  };
  return {
    take(frame) {
      if (last === frame.at) return; // said again to a page that came back
      last = frame.at;
      offer = { ...frame, ...carriedOver(frame, sealed(rowsOf(readHidden(form)))) };
      // Nothing that is not there already.
      if (!offer.too_large && !offer.gone.length && isIn(offer, readValues(form))) offer = null;
      draw();
    },
    allow(editable) {
      if (usable === editable) return;
      usable = editable;
      if (offer || !lasting) draw();
    },
  };
}
