// The widget's entry: reads the page's configuration and joins the parts. Whatever goes wrong here leaves the
// form as plain Django; the proxy guards the save all the same.
// It must not know rules: state.js and view.js decide, this file only carries their wishes out.
import { align, Banner, place } from './banner.js';
import { company as gather } from './company.js';
import { Connection } from './connection.js';
import { watch } from './dirty.js';
import { Draft } from './draft.js';
import { idOf } from './drafts.js';
import { atTheEdge } from './edge.js';
import { watchElsewhere } from './elsewhere.js';
import { findForm, ReadOnlyForm } from './form.js';
import { watchLeaving } from './leaving.js';
import { Notice } from './notice.js';
import { restore } from './reading.js';
import { load, plan, reachable, remembered } from './reload.js';
import { takeOut } from './restored.js';
import { setBoxes } from './rich.js';
import { renewCsrf, Session } from './session.js';
import { initial, reduce } from './state.js';
import { read, write } from './storage.js';
import { FILLED_CSS, sheetOf, wear } from './style.js';
import { buttonOf, fill, sentence } from './texts.js';
import { offers, pack } from './unsaved.js';
import { view } from './view.js';

const INPUT_EVERY = 5_000; // the proxy wants to hear of typing no more often than that
const BROKEN = 'collab-proxy: the widget stopped.';
const SOON = 1_000; // … unless somebody is counting down
const LEAVES_WORK = new Set(['operator', 'expired', 'taken_over', 'handed_over', 'idle', 'time_up']);
const BEFORE = 'collab-before:'; // the page that this tab showed last (sessionStorage)
const LOOK_AGAIN = 5_000; // for a site that does not answer

function start(config) {
  const { texts } = config;
  const storage = { session: storageOrNull('sessionStorage'), local: storageOrNull('localStorage') };
  setBoxes(config.rich);
  const form = findForm(document, config.form);
  const lock = new ReadOnlyForm(form, config.readonly);
  const banner = document.querySelector('collab-widget') ?? document.createElement('collab-widget'); // its place may be kept (place.css)
  const notice = document.createElement('collab-notice');
  const stop = new AbortController();
  const { signal } = stop;
  let state = initial(config);
  let shown = null;
  let reloading = null;
  let lastInput = -Infinity;
  let ahead = 0; // the server's clock over ours
  let ticking = null;
  const edge = atTheEdge(banner, document.createElement('collab-edge'), signal);
  const others = watchElsewhere(form, { window, signal });
  const left = document.createElement('collab-offer');
  const offer = form ? offers(left, form, texts, config.add_row, () => begin()) : null;

  const guarded = (work) => (...args) => {
    if (signal.aborted) return;
    try {
      work(...args);
    } catch (error) {
      giveUp(error);
    }
  };
  const giveUp = (error) => {
    stop.abort();
    clearTimeout(reloading);
    clearTimeout(ticking);
    connection.leave();
    // Nothing that somebody else has typed may be left in a form that can be edited now.
    try {
      company?.clear();
    } catch {
      // It is what went wrong.
    }
    lock.release();
    banner.remove();
    notice.remove();
    left.remove();
    console.error(BROKEN, error);
  };

  const dispatch = guarded((event) => {
    state = reduce(state, event);
    shown = view(state);
    const said = {
      text: sentence(shown, texts),
      // A countdown is announced once.
      topic: sentence({ ...shown, values: { ...shown.values, time: '' } }, texts),
      tone: shown.tone,
      actions: shown.actions.map((id) => ({ id, label: fill(buttonOf(id, texts), shown.values) })),
      // While somebody can type, nothing may cover their fields.
      pinned: shown.readOnly,
      news: shown.lines[0] !== 'connecting_text',
    };
    banner.show(said);
    // A bar above the form stays in sight by itself, but not on every theme.
    edge.show(shown.urgent || shown.readOnly ? said : null, shown.title ? fill(texts[shown.title], shown.values) : '');
    company?.beforeShown(shown);
    lock.set(shown.readOnly);
    company?.shown(state);
    draft?.setEditable(!shown.readOnly && state.status?.you === 'editor');
    offer?.allow(!shown.readOnly && state.status?.you === 'editor');
    reload(shown.reload);
    clearTimeout(ticking);
    if (shown.wake !== null) ticking = setTimeout(tick, shown.wake);
  });

  const tick = () => dispatch({ type: 'tick', now: performance.now() + ahead });

  let draft = null;
  let company = null;
  let flush = () => {};
  let begin = () => {};
  const connection = new Connection({
    url: location.origin.replace(/^http/, 'ws') + config.socket,
    token: config.token,
    // Rendered while nobody could be asked its version: then what it shows has to tell.
    more: {
      base: config.version ? undefined : form?.elements._collab_base?.value,
      after: read(storage.session, BEFORE + config.object) ?? undefined,
    },
    WebSocket,
    setTimeout: setTimeout.bind(window),
    clearTimeout: clearTimeout.bind(window),
    random: Math.random,
    onEvent: (event) => {
      const { frame } = event;
      if (frame?.store === state.store) return; // alive, and nothing is new
      // The last keystrokes count, before what is heard makes the form read-only or loads the page again.
      flush();
      if (frame?.type === 'editor_status' && frame.now) ahead = frame.now - performance.now();
      const before = state.lost;
      session.heard(event);
      dispatch(event);
      if (before === null && LEAVES_WORK.has(state.lost) && state.dirty) passOn();
      if (frame) company?.heard(frame);
      if (frame?.type === 'unsaved_offered') offer?.take(frame);
      // The proxy forgets what a lost socket told it.
      if (frame?.type === 'welcome' && state.dirty) tellInput();
    },
  });

  const session = new Session({
    check: () => connection.send('check_session'),
    renew: () => renewCsrf(window),
    onBack: () => dispatch({ type: 'signed_in' }),
  });

  // Perhaps from another tab, where somebody has signed out or in.
  function comeBack() {
    connection.hurry();
    if (!session.lost) connection.send('check_session');
    else if (state.link !== 'connecting') connection.start();
  }

  function tellInput() {
    if (connection.send('input', { dirty: state.dirty })) lastInput = Date.now();
  }

  // The lock is gone and something was typed: it stays here, and goes to who edits next.
  function passOn() {
    const values = draft && pack(draft.unsaved());
    if (values && connection.send('unsaved_values', values)) dispatch({ type: 'passed', how: values.too_large ? 'too_large' : 'sent' });
  }

  function reload(wanted) {
    if (!wanted) {
      clearTimeout(reloading);
      reloading = null;
    } else if (reloading === null) {
      const { version } = state.status;
      const wait = works(storage.session) ? plan(remembered(storage.session, location.pathname), version, Date.now(), Math.random()) : null;
      // Not from within a dispatch: the view that asks is still being shown.
      if (wait === null || others.typed()) queueMicrotask(() => dispatch({ type: 'reload_refused' }));
      else reloading = setTimeout(guarded(() => loadWhenReachable(version)), wait);
    }
  }

  async function loadWhenReachable(version) {
    const there = await reachable(window.fetch.bind(window), config.root);
    if (signal.aborted || reloading === null) return; // it is not wanted any more
    if (others.typed()) return dispatch({ type: 'reload_refused' });
    // A script of the site that asks "Leave this page?" would take what somebody else has typed for this person's.
    company?.clear();
    if (there) load(window, version, Date.now());
    else reloading = setTimeout(guarded(() => loadWhenReachable(version)), LOOK_AGAIN);
  }

  const again = () => load(window, state.status?.version, Date.now());
  const ACTIONS = {
    claim: () => connection.send('claim_editor'),
    edit: () => connection.send('claim_editor'),
    queue: () => connection.send('claim_editor'),
    sign_in: () => window.open(`${config.root}login/?next=${encodeURIComponent(config.root)}`, '_blank'),
    ask: () => connection.send('request_edit'),
    take: () => connection.send('take_over'),
    now: () => connection.send('answer_request', { answer: 'now' }),
    later: () => connection.send('answer_request', { answer: 'later' }),
    no: () => connection.send('answer_request', { answer: 'no' }),
    here: tellInput,
    attention: () => connection.send('request_attention'),
    seen: () => connection.send('attention_seen'),
    desktop: () => company?.desktop(),
    chat: () => {
      connection.send('attention_seen');
      company?.chat();
    },
    retry: () => connection.start(),
    reload: again,
    discard: again,
  };
  // Not while this page is shown: a tab that is made from this one (it gets a copy) is not in its place.
  const handOn = (page) => write(storage.session, BEFORE + config.object, page);
  const act = guarded((id) => {
    // What is kept as a draft is offered again on the new page, so nothing is thrown away and nobody need be asked.
    if (id === 'load' && draft?.flush()) return again();
    if (id === 'discard') draft?.discard();
    ACTIONS[id]?.();
    dispatch({ type: 'action', id });
  });
  banner.onaction = act;
  edge.onaction = act;

  const on = (target, type, work) => target.addEventListener(type, guarded(work), { signal });
  watchLeaving({
    window, on, form, dispatch,
    readsOnly: () => shown?.readOnly === true && !state.dirty && !others.typed(),
    sends: () => draft?.flush(),
    forget: () => company?.clear(),
    stays: () => connection.renew(),
  });
  on(window, 'pagehide', () => {
    flush();
    draft?.flush();
    connection.leave();
    // Its proxy may not be there to hear it: whatever this tab shows of the object next says it once more.
    handOn(connection.page ?? connection.more.after);
    company?.clear(); // … nor what somebody else has typed
    lock.release(); // browsers remember disabled controls; they must not come back disabled
  });
  on(window, 'pageshow', ({ persisted }) => {
    if (!persisted) return connection.hurry();
    handOn(null);
    dispatch({ type: 'staying' });
    connection.start();
  });
  on(window, 'focus', comeBack);
  on(window, 'offline', () => dispatch({ type: 'network', online: false }));
  on(window, 'online', () => {
    dispatch({ type: 'network', online: true });
    connection.renew();
  });
  on(document, 'visibilitychange', () => {
    if (document.visibilityState === 'visible') return comeBack();
    flush();
    draft?.flush(); // a hidden page may be ended without another word
  });

  place(banner, form);
  const user = { ...config.user, user_id: idOf(storage.local, config.user) };
  company = gather({
    config, texts, form, banner, connection, lock, window, signal, storage, dispatch,
    user: user.user_id,
    now: () => Math.round(performance.now() + ahead),
    unsaved: () => draft.unsaved(),
  });
  if (form) {
    banner.after(left, notice);
    align([banner, left, notice], form, signal);
    draft = new Draft(form, { ...config, user }, texts, notice, { storage: storage.local, window, begin: () => begin() });
    takeOut(form, window, signal, guarded((restored) => draft.look(company.own(restored))));
    wear(sheetOf(FILLED_CSS), true);
    const watched = watch(form, {
      window,
      signal,
      frozen: () => shown?.readOnly === true,
      onDirty: guarded((dirty) => {
        dispatch({ type: 'dirty', dirty: dirty || config.unsaved === true });
        draft.changed(state.dirty);
        tellInput();
      }),
      onLook: guarded(() => company?.typed()),
      onActive: guarded(() => {
        draft.changed(state.dirty);
        if (Date.now() - lastInput >= (shown?.urgent ? SOON : INPUT_EVERY)) tellInput();
      }),
    });
    flush = guarded(watched.flush);
    begin = watched.begin;
  }
  const before = remembered(storage.session, location.pathname);
  restore(window, before, Date.now());
  // Older Djangos fold sections with a script that runs late.
  on(window, 'load', () => restore(window, before, Date.now()));
  handOn(null);
  connection.start();
}

// Storage can be switched off, and then even looking at it throws.
function storageOrNull(name) {
  try {
    return window[name];
  } catch {
    return null;
  }
}

function works(storage) {
  try {
    storage.setItem('collab-probe', '1');
    storage.removeItem('collab-probe');
    return true;
  } catch {
    return false;
  }
}

try {
  const element = document.getElementById('collab-config');
  if (element && !customElements.get('collab-widget')) {
    customElements.define('collab-widget', Banner);
    customElements.define('collab-notice', Notice);
    customElements.define('collab-edge', class extends Banner {});
    customElements.define('collab-offer', class extends Notice {});
    start(JSON.parse(element.textContent));
  }
} catch (error) {
  document.querySelector('collab-widget')?.remove();
  document.querySelector('collab-notice')?.remove();
  console.error(BROKEN, error);
}
