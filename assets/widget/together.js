// What people on one object have of each other besides the lock: faces, attention, conversations, the edit as it
// happens. Joins those parts to the page's socket and state; main.js tells it what happens.
// It must not know rules: view.js decides, the parts do.
import { watchActivity } from './activity.js';
import { lastAsker } from './attention.js';
import { Faces } from './faces.js';
import { LiveView, Sharing } from './live.js';
import { others } from './people.js';
import { fill } from './texts.js';

export function together({ config, texts, form, banner, connection, lock, window, signal, user, storage, now, unsaved, dispatch }) {
  let state = null;
  let readOnly = false;
  let talked = []; // people of conversations, with what was not read
  const send = (type, fields) => connection.send(type, fields);
  const faces = new Faces(texts, (id) => loadTalk().then(() => talk?.open(id)));
  banner.people(faces.root);
  const activity = watchActivity({ window, signal, tell: (what) => send('presence', { activity: what }) });

  // Conversations come as a script of their own, and hear then what was said until then.
  let talk = null;
  let loading = null;
  let unheard = [];
  const aboutTalk = ({ type, ref }) => ['welcome', 'active_users', 'chat_history', 'chat_message'].includes(type) || (type === 'error' && ref);
  function loadTalk() {
    loading ??= import(new URL('talk.js', import.meta.url)).then(({ start }) => {
      if (signal.aborted) return;
      talk = start({
        texts, send, now, window, signal,
        object: `${user}:${config.object}`,
        random: () => Array.from(window.crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join(''),
        session: storage.session,
        local: storage.local,
        onUnread: (count, partners) => {
          talked = partners;
          draw();
        },
      });
      for (const frame of unheard.splice(0)) talk.heard(frame);
    }).catch((error) => console.error('collab-proxy: the chat did not start.', error));
    return loading;
  }

  function hearTalk(frame) {
    if (!config.chat || !aboutTalk(frame)) return;
    if (talk) return talk.heard(frame);
    // Of who is here only the last word counts.
    if (frame.type === 'active_users') unheard = unheard.filter(({ type }) => type !== 'active_users');
    unheard.push(frame);
    const somebody = frame.type === 'active_users' && others(frame, state?.me).all.length > 0;
    if (somebody || frame.type.startsWith('chat_')) loadTalk();
  }

  const sharing = form && config.live ? new Sharing(form, {
    unsaved, send, setTimeout: window.setTimeout.bind(window), clearTimeout: window.clearTimeout.bind(window),
  }) : null;
  const live = form && config.live ? new LiveView(form, {
    addRow: config.add_row, removeRow: config.remove_row, lift: (work) => lock.lift(work),
  }) : null;
  if (sharing) {
    const within = ({ target }) => (target?.form === form && target.name ? target.name : null);
    window.addEventListener('focusin', (event) => sharing.focus(within(event)), { signal });
    window.addEventListener('focusout', ({ relatedTarget }) => !relatedTarget && sharing.focus(null), { signal });
  }

  function draw() {
    if (!state) return;
    const { shown, all, more } = others(state.people, state.me);
    const waiting = new Map(talked.map(({ id, unread }) => [id, unread]));
    const withUnread = (person) => ({ ...person, unread: waiting.get(person.user_id) ?? 0 });
    const gone = talked.filter(({ id, here }) => !here && !all.some((u) => u.user_id === id)).map(({ id, name, unread }) => ({ user_id: id, name, unread }));
    faces.show({ shown: shown.map(withUnread), all: [...all, ...gone].map(withUnread), more, chat: config.chat === true });
  }

  function notify(name) {
    const text = fill(texts.notification_message, { username: name });
    const { Notification, document } = window;
    // Only where the person has allowed it before: nobody is asked out of the blue.
    if (document.visibilityState === 'hidden' && Notification?.permission === 'granted') new Notification(document.title, { body: text, tag: config.object });
  }

  return {
    // Before a form can be edited it must be the saved one again.
    beforeShown(next) {
      if (live && !next.readOnly && readOnly) live.clear();
      readOnly = next.readOnly;
    },
    shown(next) {
      state = next;
      sharing?.set(state.status?.you === 'editor' && !readOnly && state.link === 'open' && others(state.people, state.me).all.length > 0);
      draw();
    },
    heard(frame) {
      if (frame.type === 'welcome') {
        send('presence', { activity: activity() });
        sharing?.again();
      }
      hearTalk(frame);
      if (frame.type === 'attention_requested') notify(frame.name);
      // Nothing is shown over what this person has typed.
      if (!live || !readOnly || state?.dirty) return;
      if (frame.type === 'field_changed') {
        live.show(frame);
        dispatch({ type: 'live', showing: frame.too_large ? 'large' : live.showing });
      }
      if (frame.type === 'field_focus') live.focus(frame.name);
    },
    joined: () => sharing?.again(),
    typed: () => sharing?.changed(),
    chat: () => {
      const asker = state && lastAsker(state);
      if (asker) loadTalk().then(() => talk?.open(asker.user_id));
    },
  };
}
