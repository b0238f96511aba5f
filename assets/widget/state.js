// What this page knows: a pure reducer, (state, event) -> state. What follows from it is view.js.
// It must not know the DOM, timers, the clock or the socket; whoever has those sends events:
//
//   { type: 'frame', frame }                 a checked frame of the proxy
//   { type: 'connection', link, tries }      link: connecting, open, waiting (to try again)
//   { type: 'network', online }              the browser's own opinion
//   { type: 'ended', reason }                closed for good: signed_out, token, duplicate
//   { type: 'signed_in' }                    again, and the form is fit for the new login
//   { type: 'dirty', dirty }                 the form differs from what Django rendered
//   { type: 'leaving', by }                  the page is about to go: 'save' (the form was sent), 'away'
//   { type: 'staying' }                      ... and it did not
//   { type: 'reload_refused' }               reloading did not help; ask the person instead
//   { type: 'tick', now }                    the time, as the server's clock has it
//   { type: 'live', showing }                what the editor types is shown here: true, false, or 'large' if it is too much
//   { type: 'desktop', may }                 the person may be asked whether they want notes on the desktop
//   { type: 'passed', how }                  unsaved values were sent on: 'sent', 'too_large'
//   { type: 'action', id }                   a button of the banner was pressed
import { nameOf } from './protocol.js';

export function initial(config) {
  return {
    canEdit: config.can_edit === true,
    username: nameOf(config.user),
    link: 'connecting',
    tries: 0,
    blind: config.version === 0, // rendered while the store of locks was away
    online: true,
    ended: null,
    signedOut: false, // Django no longer knows the person; the lock is still theirs for a while
    store: true, // the proxy reaches the store of locks; if not, the status may be old, and no wish is granted
    status: null, // the last editor_status; kept while the line is down, because the form stays as it was
    now: 0, // by the server's clock, as of the last status or tick
    lost: null, // why this page lost the lock it held: operator, expired, moved, released, saved, taken_over, …
    lostTo: '', // who took it over
    reason: '', // what an operator says of it
    passed: null, // what became of the unsaved values of a page that lost the lock
    passedTo: '', // who edited next, and was offered them
    savedBy: '',
    savedVersion: null, // the version that is theirs
    savedBySelf: false, // the same person, on another page
    another: false, // whoever edited last, as far as this page has seen, was somebody else
    chat: config.chat === true,
    desktop: false,
    me: config.user?.user_id ?? '', // as others know this page's person
    people: { users: [], more: 0 },
    live: false, // what the editor types is shown here
    dirty: config.unsaved === true, // a form that Django gave back with errors holds unsaved work
    leaving: null,
    refused: false,
    confirming: false,
  };
}

export function reduce(state, event) {
  switch (event.type) {
    case 'frame': return frame(state, event.frame);
    case 'connection': return { ...state, link: event.link, tries: event.tries, ended: null };
    case 'network': return { ...state, online: event.online };
    case 'ended': return { ...state, link: 'closed', ended: event.reason, signedOut: state.signedOut || event.reason === 'signed_out' };
    case 'signed_in': return { ...state, signedOut: false };
    case 'dirty': return { ...state, dirty: event.dirty, confirming: state.confirming && event.dirty };
    case 'leaving': return { ...state, leaving: state.leaving === 'save' ? 'save' : event.by };
    case 'staying': return { ...state, leaving: null };
    case 'tick': return { ...state, now: event.now };
    case 'live': return { ...state, live: event.showing };
    case 'desktop': return { ...state, desktop: event.may };
    case 'passed': return { ...state, passed: event.how };
    case 'reload_refused': return { ...state, refused: true };
    case 'action': return { ...state, confirming: event.id === 'load' };
    default: return state;
  }
}

function frame(state, message) {
  switch (message.type) {
    case 'welcome': return { ...state, me: message.user_id };
    case 'alive': return { ...state, store: message.store };
    case 'active_users': return { ...state, people: { users: message.users, more: message.more } };
    case 'editor_status': return status(state, message);
    case 'lock_released': return { ...state, lost: message.cause, lostTo: nameOf(message.by), reason: message.reason };
    case 'session': return { ...state, signedOut: state.signedOut || !message.signed_in };
    case 'content_updated': return { ...state, ...savedBy(state, message, message.version) };
    case 'error': return message.code === 'store_down' ? { ...state, store: false } : state;
    default: return state;
  }
}

// Nobody, where that is not known: whoever saved an earlier version is not to be blamed for what came after.
function savedBy(state, saved, version) {
  const name = nameOf(saved?.by);
  if (!name && version === state.savedVersion) return {};
  return { savedBy: name, savedBySelf: name !== '' && saved.you === true, savedVersion: version };
}

function status(state, now) {
  const before = state.status;
  const next = { ...state, store: true, status: now, now: now.now ?? state.now, ...savedBy(state, now.saved, now.version) };
  // A new version is a new reason to reload, whatever became of the last one; and nobody is offered what belonged to
  // what was there before.
  if (before && before.version !== now.version) Object.assign(next, { refused: false, passed: null, passedTo: '' });
  if (now.editor) next.another = now.editor.user_id !== state.me;
  if (now.you === 'editor') Object.assign(next, { lost: null, lostTo: '', passed: null, passedTo: '', live: false });
  else if (next.passed && !next.passedTo && !now.elsewhere) next.passedTo = nameOf(now.editor);
  // Nobody told: it happened while the line was down.
  else if (before?.you === 'editor' && !state.lost) next.lost = now.elsewhere ? 'moved' : 'expired';
  return next;
}
