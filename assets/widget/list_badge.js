// The badge of one row: a person's initials in a coloured circle, and the name.
// It must not know rows. Its shadow root keeps a theme's CSS out of it, and its own out of the theme.

import { colour, initials } from './people.js';

const CSS = `
:host {
  all: initial;
  display: inline-flex;
  align-items: center;
  gap: 4px;
  max-inline-size: 12em;
  color: var(--body-fg, #333);
  font: 400 12px/18px var(--font-family-primary, system-ui, "Segoe UI", Roboto, Arial, sans-serif);
  vertical-align: middle;
  white-space: nowrap;
  cursor: default;
  direction: inherit;
}
:host([dark]) { color: var(--body-fg, #ddd); }
.circle {
  flex: none;
  inline-size: 18px;
  block-size: 18px;
  border-radius: 50%;
  color: #fff;
  font-size: 9px;
  font-weight: 600;
  text-align: center;
}
.name { overflow: hidden; text-overflow: ellipsis; }
@media (max-width: 640px) { :host { max-inline-size: 7em; } }
@media (forced-colors: active) { .circle { outline: 1px solid; } }
@media print { :host { display: none; } }
`;

let sheet = null;

export class Badge extends HTMLElement {
  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    if (sheet === null) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(CSS);
    }
    root.adoptedStyleSheets = [sheet];
    for (const name of ['circle', 'name']) {
      const part = document.createElement('span');
      part.className = name;
      part.ariaHidden = 'true';
      root.append(part);
    }
  }

  // `label` is the whole sentence: read out, and shown to who points at it.
  show({ name, text: words, userId, label, dark }) {
    const [circle, text] = this.shadowRoot.children;
    circle.textContent = initials(name);
    circle.style.backgroundColor = colour(userId);
    text.textContent = words;
    this.toggleAttribute('dark', dark);
    for (const [attribute, value] of [['role', 'img'], ['aria-label', label], ['title', label]]) {
      if (this.getAttribute(attribute) !== value) this.setAttribute(attribute, value);
    }
  }
}
