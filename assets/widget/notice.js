// A notice below the bar: a sentence, buttons, and where there is something to compare, a table. For what a
// person should decide, and not just know. In the page's own flow, so that it covers nothing.
// It must not know what it is about: it shows what it is given, and says which button was pressed.
import { Coloured } from './coloured.js';
import { make } from './make.js';
import { NOTICE_CSS } from './style.js';

export class Notice extends Coloured {
  #text = make('p');
  #table = make('div', 'rows');
  #actions = make('div', 'actions');

  constructor() {
    super(NOTICE_CSS);
    const box = make('div', 'box');
    // Heard once when it appears; what changes inside is not read out again and again.
    this.#text.setAttribute('role', 'status');
    box.append(this.#text, this.#table, this.#actions);
    this.shadowRoot.append(box);
  }

  // An element that a script makes may not bring attributes along, so it hides itself only here.
  connectedCallback() {
    super.connectedCallback();
    if (!this.#text.textContent) this.hidden = true;
  }

  // `rows`: [{ label, cells: [[title, text], …] }]
  show({ text, actions, rows = [] }) {
    this.hidden = false;
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#table.replaceChildren(...rows.map(row));
    const focused = this.shadowRoot.activeElement;
    this.#actions.replaceChildren(...actions.map(({ id, label }) => this.#button(id, label)));
    if (focused && !focused.isConnected) this.#actions.firstElementChild?.focus();
  }

  hide() {
    this.hidden = true;
  }

  #button(id, label) {
    const button = make('button', '', { type: 'button', textContent: label });
    button.addEventListener('click', () => this.onaction?.(id));
    return button;
  }
}

function row({ label, cells }) {
  const line = make('div', 'row');
  const parts = cells.map(([title, text]) => {
    const cell = make('div');
    if (title) cell.append(make('small', '', { textContent: title }));
    cell.append(make('span', '', { textContent: text || '–' }));
    return cell;
  });
  line.append(make('b', '', { textContent: label }), ...parts);
  return line;
}
