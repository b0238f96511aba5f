// What all elements of ours that have colours share.
// It must not know what they show.
import { isDark } from './dark.js';
import { BASE_CSS, sheetOf } from './style.js';

// An element with a shadow root, so that no theme's rules reach it and none of ours get out. It knows whether it stands
// on a dark page: its attribute `dark` says so.
export class Coloured extends HTMLElement {
  #stop = null;

  constructor(css, ...parts) {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [sheetOf(BASE_CSS + css)];
    root.append(...parts);
  }

  connectedCallback() {
    this.#stop?.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const look = () => this.toggleAttribute('dark', isDark(this.parentElement));
    const observer = new MutationObserver(look);
    for (const element of [document.documentElement, document.body]) {
      observer.observe(element, { attributes: true, attributeFilter: ['class', 'data-theme', 'data-bs-theme'] });
    }
    signal.addEventListener('abort', () => observer.disconnect());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', look, { signal });
    window.addEventListener('load', look, { signal }); // style sheets may come later than we do
    look();
  }

  disconnectedCallback() {
    this.#stop?.abort();
  }
}
