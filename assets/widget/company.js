// The way to what people have of each other (together.js), which is a script of its own: most pages are open before one
// person alone, and load none of it. Until it is there, what is heard is kept for it.
// It must not know what any of it does.
import { watchActivity } from './activity.js';
import { read } from './storage.js';

// The fields that showed what somebody else typed when this page went away (together.js).
export const FOREIGN = 'collab-live:';
const NEWS = new Set(['welcome', 'active_users', 'chat_history', 'chat_message', 'field_changed', 'field_focus', 'attention_requested']);
const LATEST = new Set(['welcome', 'active_users', 'field_focus']); // of these the last word counts

export function company(page) {
  const { config, connection, window, signal, storage } = page;
  const activity = watchActivity({ window, signal, tell: (what) => connection.send('presence', { activity: what }) });
  let real = null;
  let loading = null;
  let heard = [];
  let shown = null;
  let state = null;

  function load() {
    loading ??= import(new URL('together.js', import.meta.url)).then(({ together }) => {
      if (signal.aborted) return;
      real = together(page);
      if (shown) real.beforeShown(shown);
      if (state) real.shown(state);
      for (const frame of heard.splice(0)) real.heard(frame);
    }).catch((error) => {
      loading = null; // the next time it may be there
      console.error('collab-proxy: the widget stopped.', error);
    });
    return loading;
  }

  function keep(frame) {
    if (!NEWS.has(frame.type)) return;
    if (LATEST.has(frame.type)) heard = heard.filter(({ type }) => type !== frame.type);
    heard.push(frame);
    const me = heard.find(({ type }) => type === 'welcome')?.user_id;
    const somebody = frame.type === 'active_users' && (frame.more > 0 || frame.users.some(({ user_id: id }) => id !== me));
    if (somebody || frame.type.startsWith('chat_')) load();
  }

  return {
    beforeShown(next) {
      shown = next;
      real?.beforeShown(next);
    },
    shown(next) {
      state = next;
      real?.shown(next);
    },
    heard(frame) {
      if (frame.type === 'welcome') connection.send('presence', { activity: activity() });
      if (real) real.heard(frame);
      else keep(frame);
    },
    clear: () => real?.clear(),
    typed: () => real?.typed(),
    desktop: () => real?.desktop(),
    chat: () => load().then(() => real?.chat()),
    // Of what a browser has put back into the form: not what somebody else had typed there.
    own(restored) {
      const names = read(storage.session, FOREIGN + config.object);
      if (!restored || !Array.isArray(names)) return restored;
      const mine = (list) => list.filter(([name]) => !names.includes(name));
      const left = restored.names.filter((name) => !names.includes(name));
      return left.length ? { ...restored, names: left, fields: mine(restored.fields), base: mine(restored.base) } : null;
    },
  };
}
