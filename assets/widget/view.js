// What follows from a state, and nothing else: the sentence, its tone, the buttons, whether the form can be
// edited, whether the page should load again by itself. Pure. It must not know the words (texts.js) nor the
// DOM. `RULES` answers "what happens now?"; the first rule that fits speaks.

import { asked, requesting, wakes } from './attention.js';
import { pressing, standing, values, wake } from './handover.js';

// Never with typed work on the page, and never while a save or a link is taking the page away: a reload would
// cancel that navigation, and the save's answer with it.
const mayReload = (state) => !state.dirty && !state.leaving && !state.refused;

// The page shows something older than what is saved, or has to be rendered anew to take the lock.
const outdated = ({ status }) => status !== null && (status.stale || (status.turn && status.you !== 'editor'));

// A store that lost its memory tells of no save; then nobody may be blamed for one.
const known = ({ savedBy }) => savedBy !== '';

// Nobody is told of themselves as of somebody else.
const bySelf = ({ savedBySelf }, what) => (savedBySelf ? `${what}_self_text` : `${what}_text`);

// Nobody edits who did. Nor is that said of oneself: whose own lock is gone is told of what was saved since.
const left = ({ status, canEdit, another }) => canEdit && another && (status.turn || status.editor === null);

const someoneEdits = ({ status }) => status.editor !== null && !status.elsewhere;

const connected = (state) => state.link === 'open';

// One short break is not worth a word: the first try again comes at once.
const broken = (state) => !connected(state) && state.tries > 1;

const RULES = [
  [(s) => s.signedOut && (s.ended === null || s.ended === 'signed_out'), { lines: ['signed_out_text'], tone: 'error', actions: ['sign_in', 'retry'] }],
  [(s) => s.ended !== null && s.confirming, confirm],
  [(s) => s.ended === 'duplicate', (s) => ({ lines: ['duplicate_text', ...kept(s)], tone: 'error', actions: [again(s)] })],
  [(s) => s.ended !== null, (s) => ({ lines: ['token_text', ...kept(s)], tone: 'error', actions: [again(s)] })],
  [(s) => s.status?.deleted, (s) => ({ lines: [bySelf(s, 'deleted'), ...kept(s)], tone: 'error' })],
  [(s) => s.leaving === 'save', { lines: ['saving_self_text'] }],
  [(s) => !s.online && !connected(s), { lines: ['offline_text'], tone: 'warning' }],
  [(s) => s.status === null && (s.blind || broken(s)), { lines: ['unreachable_text'], tone: 'warning' }],
  [(s) => s.status === null, { lines: ['connecting_text'] }],
  [broken, { lines: ['reconnecting_text'], tone: 'warning' }],
  [(s) => !s.store, (s) => ({ lines: [s.status.you === 'editor' ? 'unreached_text' : 'unreached_viewer_text'], tone: 'warning' })],

  [(s) => outdated(s) && s.dirty && s.confirming, confirm],
  [(s) => outdated(s) && s.dirty && !s.status.stale, { lines: ['turn_dirty_text'], tone: 'readonly', actions: ['load'] }],
  [(s) => outdated(s) && s.dirty, (s) => ({ lines: [known(s) ? bySelf(s, 'changed') : 'unsure_dirty_text'], tone: 'error', actions: ['load'] })],
  [(s) => outdated(s) && s.refused, { lines: ['refresh_text'], tone: 'readonly', actions: ['reload'] }],
  [outdated, (s) => ({ lines: [left(s) ? 'claiming_editor_text' : known(s) ? bySelf(s, 'updated') : 'unsure_text'], tone: 'readonly', reload: mayReload(s) })],

  [(s) => s.status.you === 'editor' && !s.status.saving && pressing(s), (s) => ({ ...pressing(s), tone: 'warning', urgent: true })],
  [(s) => s.status.you === 'editor' && !s.status.saving && asked(s), (s) => ({ ...asked(s), tone: 'warning', urgent: true })],
  [(s) => s.status.you === 'editor' && s.status.uncertain, { lines: ['editor_mode_text', 'uncertain_text'], tone: 'warning' }],
  [(s) => s.status.you === 'editor' && s.status.saving, { lines: ['saving_self_text'], tone: 'editor' }],
  [(s) => s.status.you === 'editor', { lines: ['editor_mode_text'], tone: 'editor' }],

  [(s) => !s.canEdit && someoneEdits(s), (s) => {
    const { lines, actions } = requesting(s);
    return { lines: ['view_only_editor_text', ...lines], tone: 'readonly', actions };
  }],
  [(s) => !s.canEdit, { lines: ['view_only_text'] }],
  [(s) => s.status.elsewhere, (s) => ({ lines: ['elsewhere_text', ...kept(s)], tone: 'readonly', actions: ['claim'] })],
  [() => true, readOnlyPage],
];

export function view(state) {
  const [, shown] = RULES.find(([fits]) => fits(state));
  const { lines, tone = 'quiet', actions = [], reload = false, until = null, urgent = false, title = null, ...more } =
    typeof shown === 'function' ? shown(state) : shown;
  const aboutSave = /updated|changed|deleted/.test(lines[0]);
  return {
    lines,
    tone,
    actions,
    reload,
    urgent,
    title,
    wake: wake(state, until, wakes(state)),
    readOnly: readOnly(state),
    values: {
      ...values(state, until),
      lost_to: state.lostTo,
      reason: state.reason,
      passed_to: state.passedTo,
      editor_name: aboutSave ? state.savedBy : state.status?.editor?.name ?? '',
      username: state.username,
      position: state.status?.position ?? 0,
      ...more,
    },
  };
}

// Without a word from the proxy the form is Django's: the server checks the save all the same.
function readOnly(state) {
  const { status, canEdit, ended } = state;
  if (ended === 'duplicate') return true;
  if (status === null) return false;
  if (status.deleted || outdated(state)) return true;
  if (!canEdit) return someoneEdits(state);
  return status.you !== 'editor';
}

// Somebody who could edit and does not: why, who does, and when the turn comes.
function readOnlyPage(state) {
  const { status, lost, lostTo, reason, another } = state;
  const waiting = status.you === 'waiting';
  const edits = someoneEdits(state);
  const { lines: more, actions, until } = edits ? standing(state) : { lines: [], actions: [], until: null };
  const lines = LOST.has(lost) ? [`lost_${lost}_text`] : [];
  if (lost === 'operator' && reason) lines.push('lost_reason_text');
  // Who took over has been named by then.
  const named = lost === 'taken_over' && status.editor?.name === lostTo;
  // With more to say, less is said of what everybody knows by now.
  const brief = more.length > 0 || MEANT.has(lost);
  if (!edits) lines.push(waiting && status.position > 1 && another ? 'reserved_text' : 'free_text');
  else if (status.saving) lines.push('saving_text');
  else if (!named) lines.push(brief ? 'view_only_editor_text' : 'viewer_mode_text');
  if (waiting) lines.push(status.position > 1 ? 'position_text' : 'next_text');
  const first = waiting ? [] : [edits ? 'queue' : 'edit'];
  const attention = edits ? requesting(state) : { lines: [], actions: [] };
  const live = edits && state.live ? [state.live === 'large' ? 'live_large_text' : 'live_text'] : [];
  return {
    lines: [...lines, ...kept(state), ...more, ...attention.lines, ...live], tone: 'readonly',
    actions: [...first, ...actions, ...attention.actions], until,
  };
}

const MEANT = new Set(['taken_over', 'handed_over', 'idle', 'time_up']);
const LOST = new Set([...MEANT, 'operator', 'expired']);

// A page that lost its lock, or its line for good, while something was typed.
function kept({ dirty, passed, passedTo, ended }) {
  if (!dirty) return [];
  if (passed === null || ended !== null) return ['typed_kept_text'];
  if (passed === 'too_large') return ['typed_kept_text', 'too_large_text'];
  return [passedTo ? 'passed_on_text' : 'typed_kept_text'];
}

function again(state) {
  return state.dirty ? 'load' : 'reload';
}

// The second step of a button that throws typed text away. `keep` stands where `load` stood, so that a
// double click does no harm.
function confirm() {
  return { lines: ['discard_text'], tone: 'error', actions: ['keep', 'discard'] };
}
