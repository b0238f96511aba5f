// The bar above the form: one sentence, at most a few buttons, always the same height. An element with a
// shadow root of its own, so that no theme's rules reach it and none of ours get out.
// It must not know states: it shows what it is given, and says which button was pressed.
import { barAt } from './bars.js';
import { Coloured } from './coloured.js';
import { make } from './make.js';
import { BANNER_CSS } from './style.js';

const SVG = 'http://www.w3.org/2000/svg';
const ICONS = {
  quiet: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 7.5v3M8 5.3v.1',
  editor: 'M3 13l.7-3L10.6 3.1a1.4 1.4 0 0 1 2 0l.3.3a1.4 1.4 0 0 1 0 2L6 12.3z',
  readonly: 'M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5',
  warning: 'M8 2.5l6 11H2zM8 6.8v3M8 11.6v.1',
  error: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5.2v3.4M8 10.7v.1',
};

export class Banner extends Coloured {
  #parts;
  #buttons = new Map();
  #announced = '';
  #bar;

  constructor() {
    super(BANNER_CSS);
    this.#parts = { bar: make('div', 'bar'), text: make('p', 'text'), actions: make('div', 'actions'), live: make('div', 'heard') };
    const { bar, text, actions, live } = this.#parts;
    // The visible sentence is not the live region: it may be redrawn without being news.
    live.setAttribute('role', 'status');
    live.setAttribute('aria-live', 'polite');
    // An English sentence on a right-to-left page keeps its full stop at its end.
    text.append(make('bdi'));
    text.tabIndex = -1;
    bar.append(this.#icon(), text, actions);
    this.#bar = bar;
    this.shadowRoot.append(bar, live);
  }

  connectedCallback() {
    super.connectedCallback();
    window.addEventListener('scroll', this, { passive: true });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('scroll', this);
  }

  handleEvent() {
    if (this.hasAttribute('pinned')) this.#belowBars();
  }

  // Some bars only stay once the page has moved.
  #belowBars() {
    this.style.setProperty('--lift', `${barAt('top', window)}px`);
  }

  // Who is here (faces.js).
  people(faces) {
    this.#bar.append(faces);
  }

  // `pinned`: stays in sight while scrolling. `news` is false for what is not worth interrupting a screen reader;
  // `topic` is what makes news of a text, which may count down.
  show({ text, topic = text, tone, actions, pinned, news }) {
    const { live } = this.#parts;
    const line = this.#parts.text.firstChild;
    if (line.textContent !== text) line.textContent = text;
    if (this.getAttribute('tone') !== tone) {
      this.setAttribute('tone', tone);
      this.shadowRoot.querySelector('path').setAttribute('d', ICONS[tone]);
    }
    this.toggleAttribute('pinned', pinned);
    if (pinned) this.#belowBars();
    this.#showActions(actions);
    if (!news || this.#announced === topic) return;
    this.#announced = topic;
    live.textContent = text;
  }

  // Buttons that stay are not touched, so the keyboard's focus stays where it is.
  #showActions(actions) {
    const ids = new Set(actions.map(({ id }) => id));
    const focused = this.shadowRoot.activeElement;
    for (const [id, button] of this.#buttons) {
      if (ids.has(id)) continue;
      button.remove();
      this.#buttons.delete(id);
    }
    for (const { id, label } of actions) {
      const button = this.#buttons.get(id) ?? this.#button(id);
      if (button.textContent !== label) button.textContent = label;
    }
    if (!focused || focused.isConnected) return;
    // Without a button left, the keyboard goes on from the sentence, not from the top of the page.
    (this.#parts.actions.firstElementChild ?? this.#parts.text).focus();
  }

  #button(id) {
    const button = make('button', '', { type: 'button' });
    button.addEventListener('click', () => this.onaction?.(id));
    this.#buttons.set(id, button);
    this.#parts.actions.append(button);
    return button;
  }

  #icon() {
    const icon = document.createElementNS(SVG, 'svg');
    icon.setAttribute('class', 'icon');
    icon.setAttribute('viewBox', '0 0 16 16');
    icon.setAttribute('aria-hidden', 'true');
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', ICONS.quiet);
    icon.append(path);
    return icon;
  }
}

const NARROW = 12; // a card's own padding: the bar is as wide as the card
const WIDE = 48;

// Some themes keep a margin around what stands in the form, not around the form: the bar keeps it too.
export function align(elements, form, signal) {
  const box = form && Element.prototype.querySelector.call(form, 'fieldset');
  if (!box) return;
  const measure = () => {
    const inner = box.getBoundingClientRect();
    const outer = form.getBoundingClientRect();
    const inset = Math.min(inner.left - outer.left, outer.right - inner.right);
    for (const element of elements) element.style.setProperty('--inset', inset > NARROW && inset < WIDE ? `${inset}px` : '0px');
  };
  const observer = new ResizeObserver(measure);
  observer.observe(box);
  signal.addEventListener('abort', () => observer.disconnect());
  measure();
}

// Right before the form, in the page's own flow, so that it covers nothing.
export function place(banner, form) {
  if (form) Element.prototype.before.call(form, banner);
  else (document.getElementById('content') ?? document.body).prepend(banner);
}
