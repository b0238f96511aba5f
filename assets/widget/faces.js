// The faces of the people on the object, in the banner: a circle each, with what they are doing for who points at it,
// tabs to it or listens. Pressing one opens the conversation.
// It must not know the socket nor what people are told when: it draws what it is given.
import { make } from './make.js';
import { colour, initials, label } from './people.js';

export class Faces {
  #faces = new Map();
  #list = make('div', 'faces');
  #more = make('details', 'more');
  #count = make('summary', '');
  #panel = make('div', 'panel');

  // `press(id)`: somebody wants to write to this person.
  constructor(texts, press) {
    Object.assign(this, { texts, press });
    this.root = make('div', 'people');
    this.root.setAttribute('role', 'group');
    this.root.ariaLabel = texts.chat_user_list_title;
    this.#more.append(this.#count, this.#panel);
    this.root.append(this.#list, this.#more);
    this.#more.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      this.#more.open = false;
      this.#count.focus();
    });
  }

  // `shown`: faces in the bar. `all`: everybody, with those who are gone and something was said with. `more`: how many
  // are not named at all.
  show({ shown, all, more, chat }) {
    const wanted = new Set(shown.map(({ user_id: id }) => id));
    for (const [id, face] of this.#faces) {
      if (wanted.has(id)) continue;
      face.remove();
      this.#faces.delete(id);
    }
    for (const user of shown) {
      const face = this.#faces.get(user.user_id) ?? this.#face(user, chat);
      this.#update(face, user);
      this.#list.append(face);
    }
    const rest = all.filter(({ user_id: id }) => !wanted.has(id)).length + more;
    this.root.hidden = shown.length === 0 && all.length === 0;
    this.#more.hidden = rest <= 0;
    this.#count.textContent = `+${rest}`;
    this.#count.ariaLabel = `${this.texts.chat_user_list_title}: +${rest}`;
    const entries = all.map((user) => this.#entry(user, chat));
    const empty = make('p', 'none', { textContent: this.texts.chat_empty_state_text });
    this.#panel.replaceChildren(make('b', '', { textContent: this.texts.chat_user_list_title }), ...(entries.length ? entries : [empty]));
  }

  #face({ user_id: id, avatar }, chat) {
    const face = make(chat ? 'button' : 'span', 'who');
    if (chat) {
      face.type = 'button';
      face.addEventListener('click', () => this.press(id));
    } else {
      face.role = 'img';
      face.tabIndex = 0;
    }
    const circle = make('span', 'circle');
    circle.style.backgroundColor = colour(id);
    // A picture that does not come, or that the site's policy forbids, leaves the initials.
    if (avatar) {
      const picture = make('img', '', { src: avatar, alt: '', referrerPolicy: 'no-referrer' });
      picture.addEventListener('error', () => picture.remove());
      circle.append(picture);
    }
    const tip = make('span', 'tip');
    for (const part of [circle, tip]) part.ariaHidden = 'true';
    face.append(circle, make('span', 'unread'), tip);
    this.#faces.set(id, face);
    return face;
  }

  #update(face, user) {
    const [circle, unread, tip] = face.children;
    const words = label(user, this.texts, document.documentElement.lang);
    face.className = `who ${user.role} ${user.activity}${user.dirty ? ' dirty' : ''}`;
    face.ariaLabel = user.unread ? `${words}. ${this.texts.unread_text.replace('{count}', user.unread)}` : words;
    if (tip.textContent !== words) tip.textContent = words;
    const letters = circle.lastChild?.nodeType === Node.TEXT_NODE ? circle.lastChild : circle.appendChild(new Text());
    letters.data = initials(user.name);
    unread.textContent = user.unread ? String(user.unread) : '';
    this.#faces.set(user.user_id, face);
  }

  #entry(user, chat) {
    const entry = make(chat ? 'button' : 'div', 'entry');
    if (chat) {
      entry.type = 'button';
      entry.addEventListener('click', () => {
        this.#more.open = false;
        this.press(user.user_id);
      });
    }
    const said = user.role ? label(user, this.texts, document.documentElement.lang) : `${user.name}, ${this.texts.chat_offline_status_text}`;
    entry.append(make('span', '', { textContent: said }), ...(user.unread ? [make('span', 'unread', { textContent: String(user.unread) })] : []));
    return entry;
  }
}
