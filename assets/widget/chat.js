// The windows of conversations, at the edge of the page: a window a person, small ones for what is put aside, and the
// list of people. An element with a shadow root of its own, as the banner.
// It must not know what a message does (chats.js) nor how it travels (talking.js): it shows what it is given, and says
// what was done. Text of people only ever becomes text.
import { CHAT_CSS } from './chat_css.js';
import { linked } from './chats.js';
import { Coloured } from './coloured.js';
import { make } from './make.js';
import { clockTime, colour, initials } from './people.js';
import { wear } from './style.js';

export class Chat extends Coloured {
  #windows = new Map();
  #row = make('div', 'row');
  #news = make('div', 'heard');
  #room = new CSSStyleSheet(); // below the page, so that nothing of it stays out of reach

  constructor() {
    super(CHAT_CSS);
    this.#news.setAttribute('role', 'status');
    this.shadowRoot.append(this.#row, this.#news);
  }

  // For who cannot see it: a small window says nothing by itself.
  announce(text) {
    this.#news.textContent = text;
  }

  // `windows`: [{ id, name, here, minimised, text, unread, lines }]
  show(windows, texts) {
    const wanted = new Set(windows.map(({ id }) => id));
    this.toggleAttribute('open', windows.length > 0);
    for (const [id, window] of this.#windows) {
      if (wanted.has(id)) continue;
      window.root.remove();
      this.#windows.delete(id);
    }
    for (const shown of windows) {
      let window = this.#windows.get(shown.id);
      if (!window) {
        window = new Window(shown.id, texts, (what, ...more) => this.onact?.(what, shown.id, ...more));
        this.#windows.set(shown.id, window);
        this.#row.append(window.root);
      }
      window.show(shown, texts);
    }
    this.#makeRoom(windows.length > 0);
  }

  #makeRoom(wanted) {
    if (wanted) this.#room.replaceSync(`html body { padding-block-end: ${this.offsetHeight}px !important; }`);
    wear(this.#room, wanted);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#makeRoom(false);
  }

  focus(id) {
    this.#windows.get(id)?.box.focus();
  }

  // In whose box the person writes.
  get focused() {
    const box = this.shadowRoot.activeElement;
    return [...this.#windows].find(([, window]) => window.box === box)?.[0] ?? null;
  }
}

class Window {
  #shown = '';

  constructor(id, texts, act) {
    this.root = make('section', 'window');
    this.name = make('span', 'name', { dir: 'auto' });
    this.dot = make('span', 'dot');
    this.count = make('span', 'count');
    this.head = make('button', 'head', { type: 'button' });
    this.face = make('span', 'face');
    this.face.ariaHidden = 'true';
    this.face.style.backgroundColor = colour(id);
    this.head.append(this.face, this.name, this.dot, this.count);
    this.close = make('button', 'close', { type: 'button', textContent: '×' });
    this.close.ariaLabel = texts.chat_close_button;
    this.log = make('div', 'log', { tabIndex: 0 });
    this.log.setAttribute('role', 'log');
    this.foot = make('form', 'foot');
    this.box = make('textarea', '', { rows: 1, maxLength: 4000 });
    this.send = make('button', 'send', { type: 'submit', textContent: texts.chat_send_button });
    this.away = make('p', 'away');
    this.foot.append(this.box, this.send);
    const top = make('div', 'top');
    top.append(this.head, this.close);
    this.body = make('div', 'body');
    this.body.append(this.log, this.away, this.foot);
    this.root.append(top, this.body);
    this.#listen(act);
  }

  #listen(act) {
    this.head.addEventListener('click', () => act('toggle'));
    this.close.addEventListener('click', () => act('close'));
    this.log.addEventListener('click', ({ target }) => target.dataset.ref && act('again', target.dataset.ref));
    this.box.addEventListener('input', () => act('typed', this.box.value));
    this.foot.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.box.value.trim()) act('send', this.box.value.trim());
    });
    // What is typed here must not set off anything of the page's; the widget listens to the page as well.
    for (const type of ['keydown', 'keyup', 'keypress', 'input', 'paste']) this.root.addEventListener(type, (event) => event.stopPropagation());
    this.root.addEventListener('focusin', () => act('seen'));
    this.root.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        act('minimise');
        this.head.focus();
      }
      // Enter also ends a word of an input method, and must not send it.
      if (event.target !== this.box || event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.foot.requestSubmit();
    });
  }

  show({ name, here, minimised, text, unread, lines }, texts) {
    this.root.ariaLabel = name;
    this.root.toggleAttribute('minimised', minimised);
    this.head.setAttribute('aria-expanded', String(!minimised));
    this.face.textContent = initials(name);
    this.name.textContent = name;
    this.dot.className = here ? 'dot on' : 'dot';
    this.dot.title = here ? texts.chat_online_status_text : texts.chat_offline_status_text;
    this.dot.role = 'img';
    this.dot.ariaLabel = this.dot.title;
    this.count.textContent = unread > 0 ? String(unread) : '';
    this.body.hidden = minimised;
    // Said once, and where it stays to be read.
    this.away.textContent = here ? '' : text ? texts.chat_cannot_send_message : texts.chat_offline_placeholder;
    this.box.placeholder = here ? texts.chat_input_placeholder : '';
    this.box.ariaLabel = texts.chat_input_placeholder;
    this.box.disabled = !here && text === '';
    this.send.disabled = !here;
    if (this.box.value !== text) this.box.value = text;
    this.#lines(lines, texts);
  }

  #lines(lines, texts) {
    const now = JSON.stringify(lines.map(({ ref, mine, state }) => [ref, mine, state]));
    if (now === this.#shown) return;
    this.#shown = now;
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    const parts = lines.map((line) => lineOf(line, texts));
    this.log.replaceChildren(...(parts.length ? parts : [make('p', 'empty', { textContent: texts.chat_start_conversation_text })]));
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
  }
}

function lineOf({ mine, message, timestamp, state, ref }, texts) {
  const line = make('div', mine ? 'line mine' : 'line');
  const said = make('bdi', 'said');
  for (const { text, href } of linked(message)) {
    said.append(href ? make('a', '', { href, textContent: text, target: '_blank', rel: 'noopener noreferrer nofollow' }) : text);
  }
  const time = make('small', '', { textContent: state === 'sent' ? clockTime(timestamp, document.documentElement.lang) : texts[`chat_${state}_text`] });
  line.append(said, time);
  if (state === 'failed') {
    const again = make('button', 'again', { type: 'button', textContent: texts.retry_button });
    again.dataset.ref = ref;
    line.append(again);
  }
  return line;
}
