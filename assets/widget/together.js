// What people on one object have of each other besides the lock: faces, attention, conversations, the edit as it
// happens. Joins those parts to the page's socket and state; company.js loads it and tells it what happens.
// It must not know rules: view.js decides, the parts do.
import { lastAsker } from './attention.js';
import { ask, chime, mayAsk, note } from './calls.js';
import { Chat } from './chat.js';
import { FOREIGN } from './company.js';
import { Faces } from './faces.js';
import { LiveView, Sharing } from './live.js';
import { others } from './people.js';
import { areaOf } from './rich.js';
import { write } from './storage.js';
import { talking } from './talking.js';
import { fill } from './texts.js';

export function together({ config, texts, form, banner, connection, lock, window, signal, user, storage, now, unsaved, dispatch }) {
  let state = null;
  let readOnly = false;
  let talked = []; // people of conversations, with what was not read
  const send = (type, fields) => connection.send(type, fields);
  const faces = new Faces(texts, (id) => talk?.open(id));
  banner.people(faces.root);

  const talk = config.chat ? startTalk() : null;
  function startTalk() {
    if (!window.customElements.get('collab-chat')) window.customElements.define('collab-chat', Chat);
    const element = window.document.createElement('collab-chat');
    window.document.body.append(element);
    signal.addEventListener('abort', () => element.remove());
    return talking({
      element, texts, send, now, window, signal,
      object: `${user}:${config.object}`,
      random: () => Array.from(window.crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join(''),
      session: storage.session,
      local: storage.local,
      onUnread: (count, partners) => {
        talked = partners;
        draw();
      },
    });
  }

  const sharing = form && config.live ? new Sharing(form, {
    unsaved, send, setTimeout: window.setTimeout.bind(window), clearTimeout: window.clearTimeout.bind(window),
  }) : null;
  const live = form && config.live ? new LiveView(form, {
    addRow: config.add_row, removeRow: config.remove_row, lift: (work) => lock.lift(work),
  }) : null;
  if (sharing) {
    const within = ({ target }) => {
      const control = areaOf(target) ?? target;
      return control?.form === form && control.name ? control.name : null;
    };
    window.addEventListener('focusin', (event) => sharing.focus(within(event)), { signal });
    // An editor that stands in a frame of its own tells nobody else that it has the focus.
    window.addEventListener('blur', () => {
      const { activeElement } = window.document;
      if (activeElement?.tagName === 'IFRAME') sharing.focus(within({ target: activeElement }));
    }, { signal });
    window.addEventListener('focusout', ({ relatedTarget }) => !relatedTarget && sharing.focus(null), { signal });
  }

  function draw() {
    if (!state) return;
    const { shown, all, more } = others(state.people, state.me);
    const waiting = new Map(talked.map(({ id, unread }) => [id, unread]));
    const withUnread = (person) => ({ ...person, unread: waiting.get(person.user_id) ?? 0 });
    const gone = talked.filter(({ id, here }) => !here && !all.some((u) => u.user_id === id)).map(({ id, name, unread }) => ({ user_id: id, name, unread }));
    faces.show({ shown: shown.map(withUnread), all: [...all, ...gone].map(withUnread), more, chat: talk !== null });
  }

  // Takes away what somebody else has typed. The tab remembers which fields that were: a browser may have noted them
  // before, and would put them back.
  function clear() {
    if (!live?.showing) return;
    write(storage.session, FOREIGN + config.object, live.names);
    live.clear();
    dispatch({ type: 'live', showing: false });
  }

  // Nobody is asked out of the blue whether they want notes on the desktop: where they have missed one.
  const desktop = () => dispatch({ type: 'desktop', may: mayAsk(window) });
  desktop();

  function call(name) {
    note(window, fill(texts.notification_message, { username: name }), config.object);
    if (config.sound) chime(window);
  }

  return {
    // Before a form can be edited it must be the saved one again.
    beforeShown(next) {
      if (!next.readOnly && readOnly) live?.clear();
      readOnly = next.readOnly;
    },
    shown(next) {
      state = next;
      sharing?.set(state.status?.you === 'editor' && !readOnly && state.link === 'open' && others(state.people, state.me).all.length > 0);
      draw();
    },
    heard(frame) {
      if (frame.type === 'welcome') {
        sharing?.again();
        // What was missed while the line was down is told anew, if there is still anything.
        clear();
      }
      talk?.heard(frame);
      if (frame.type === 'attention_requested') call(frame.name);
      // Nothing is shown over what this person has typed.
      if (!live || !readOnly || state?.dirty) return;
      if (frame.type === 'field_changed') {
        live.show(frame);
        dispatch({ type: 'live', showing: frame.too_large ? 'large' : live.showing });
      }
      if (frame.type === 'field_focus') live.focus(frame.name);
    },
    clear,
    desktop: () => ask(window).then(desktop),
    typed: () => sharing?.changed(),
    chat: () => {
      const asker = state && lastAsker(state);
      if (asker) talk?.open(asker.user_id);
    },
  };
}
