// The rows of a change list: finds them, marks who edits which, stops a row that somebody else edits, and gives
// everything back exactly as it was.
// It names no selector of a theme: those come from the configuration (assets/themes.toml).
import { isDark } from './dark.js';
import { fill } from './texts.js';

const CSS = '[data-collab-row] :is(input, select, textarea, button)[inert], [data-collab-row] input[disabled] { opacity: .45; }';

export class Rows {
  #rows = new Map(); // key -> { element, checkbox }
  #held = new Map(); // key -> what stood there before us
  #badges = new Map(); // key -> <collab-badge>
  #stop = new AbortController();

  constructor(document, config, texts) {
    Object.assign(this, { document, list: config.list, texts });
    this.form = document.querySelector(config.list.form);
    this.#find(config.rows);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    // After Django's own script, which selects all boxes whatever they are.
    document.addEventListener('click', ({ target }) => {
      if (target instanceof Element && target.matches(this.list.toggle)) this.#toggled(target);
    }, { signal: this.#stop.signal });
  }

  #find(rows) {
    const boxes = new Map([...(this.form?.querySelectorAll(this.list.checkbox) ?? [])].map((box) => [box.value, box]));
    const links = new Map([...(this.form?.querySelectorAll(this.list.link) ?? [])].reverse()
      .map((link) => [link.getAttribute('href'), link]));
    for (const [pk, href] of rows) {
      const checkbox = boxes.get(pk) ?? null;
      const element = (checkbox ?? links.get(href))?.closest(this.list.row);
      if (element) this.#rows.set(pk, { element, checkbox });
    }
  }

  // `whole`: rows that are not named are nobody's.
  show(states, whole) {
    const named = new Map(Object.entries(states));
    const keys = whole ? new Set([...named.keys(), ...this.#badges.keys()]) : named.keys();
    for (const pk of keys) this.#showRow(pk, named.get(pk) ?? null);
  }

  release() {
    this.show({}, true);
    this.#stop.abort();
  }

  #showRow(pk, state) {
    const row = this.#rows.get(pk);
    if (!row) return;
    if (state === null) {
      this.#remove(pk);
    } else {
      this.#badge(pk, row).show(this.#words(state));
    }
    if (state !== null && !state.you) this.#hold(pk, row);
    else this.#giveBack(pk);
  }

  #badge(pk, { element }) {
    let badge = this.#badges.get(pk);
    if (!badge?.isConnected) {
      this.#remove(pk);
      badge = this.document.createElement('collab-badge');
      this.#badges.set(pk, badge);
      (element.querySelector(this.list.cell) ?? element).append(' ', badge);
    }
    return badge;
  }

  // With the space before it: only that keeps it apart on one line, and in line with the text on the next.
  #remove(pk) {
    const badge = this.#badges.get(pk);
    if (badge?.previousSibling?.nodeValue === ' ') badge.previousSibling.remove();
    badge?.remove();
    this.#badges.delete(pk);
  }

  #words({ name, user_id: userId, since, you, saving }) {
    const { texts } = this;
    const time = new Date(since).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    const key = you ? 'row_self_text' : saving ? 'row_saving_text' : 'row_text';
    const label = fill(texts[key], { editor_name: name || texts.somebody, time });
    const capital = label.charAt(0).toLocaleUpperCase() + label.slice(1);
    return { name: name || texts.somebody, text: you ? texts.row_self : name || texts.somebody, userId, label: capital, dark: isDark(this.form) };
  }

  // A disabled checkbox is not posted, and must not be. The row's other controls must be: Django would take a
  // missing one for an emptied one. So they can only not be reached.
  #hold(pk, { element, checkbox }) {
    if (this.#held.has(pk)) return;
    const held = { inert: [], checkbox, disabled: checkbox?.disabled, checked: checkbox?.checked === true };
    for (const control of element.querySelectorAll(this.list.controls)) {
      if (control === checkbox || control.inert) continue;
      held.inert.push(control);
      control.inert = true;
    }
    this.#held.set(pk, held);
    element.setAttribute('data-collab-row', '');
    if (!checkbox) return;
    check(checkbox, false);
    checkbox.disabled = true;
  }

  #giveBack(pk) {
    const held = this.#held.get(pk);
    if (!held) return;
    this.#held.delete(pk);
    this.#rows.get(pk).element.removeAttribute('data-collab-row');
    for (const control of held.inert) control.inert = false;
    if (!held.checkbox) return;
    held.checkbox.disabled = held.disabled;
    check(held.checkbox, held.checked);
  }

  #toggled(toggle) {
    const all = toggle.checked;
    for (const held of this.#held.values()) {
      // Nobody meant to select what could not be selected; and "none" means none.
      if (!all) held.checked = false;
      if (held.checkbox) check(held.checkbox, false);
    }
    // Django's script has unset it, as not every box is checked.
    if (this.#held.size > 0) toggle.checked = all;
  }
}

// Django's script counts, and colours the row, when a box says that it changed.
function check(checkbox, checked) {
  if (checkbox.checked === checked) return;
  checkbox.checked = checked;
  checkbox.dispatchEvent(new Event('change', { bubbles: true }));
}
