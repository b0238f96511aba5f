// What the page does in every situation: a table, then what must hold in all of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initial, reduce } from '../../assets/widget/state.js';
import { buttonOf, sentence } from '../../assets/widget/texts.js';
import { view } from '../../assets/widget/view.js';
import { TEXTS } from './english.js';

const ADA = { user_id: 'u-ada', page_id: 'p-1', name: 'Ada', since: 1, active: 1 };
const SELF = { user_id: 'u-me', page_id: 'p-me', name: 'Me', since: 1, active: 1 };
const STATUS = {
  type: 'editor_status', editor: null, you: 'viewer', position: 0, version: 1, stale: false, turn: false,
  elsewhere: false, saving: false, saved: null, deleted: false, uncertain: false,
};
const frame = (fields) => ({ type: 'frame', frame: fields });
const status = (fields) => frame({ ...STATUS, ...fields });
const welcome = frame({ type: 'welcome', user_id: 'u-me', page_id: 'p-me', object: 'a.b/1', version: 1 });
const open = { type: 'connection', link: 'open', tries: 0 };
const waiting = (tries) => ({ type: 'connection', link: 'waiting', tries });
const editor = { you: 'editor', editor: SELF };
const queued = { you: 'waiting', position: 1, editor: ADA };
const dirty = { type: 'dirty', dirty: true };
const out = { type: 'ended', reason: 'signed_out' };
const signed = (signed_in) => frame({ type: 'session', signed_in });
const lost = (cause, more = {}) => frame({ type: 'lock_released', cause, by: 'Root', ...more });

const run = (events, config = { can_edit: true }) => events.reduce(reduce, initial(config));
const joined = (...events) => run([open, welcome, ...events]);
const say = (state) => sentence(view(state), TEXTS);

// what happened | what is shown: lines, tone, buttons, read-only, reload
const TABLE = [
  ['nothing yet', run([]), ['connecting_text'], 'quiet', [], false, false],
  ['one try failed', run([waiting(1)]), ['connecting_text'], 'quiet', [], false, false],
  ['the proxy cannot be reached', run([waiting(2)]), ['unreachable_text'], 'warning', [], false, false],
  ['rendered while the store was away', run([], { can_edit: true, version: 0 }), ['unreachable_text'], 'warning', [], false, false],
  ['welcome, no status yet', run([open, welcome]), ['connecting_text'], 'quiet', [], false, false],
  ['editor', joined(status(editor)), ['editor_mode_text'], 'editor', [], false, false],
  ['editor, typing', joined(status(editor), dirty), ['editor_mode_text'], 'editor', [], false, false],
  ['editor, an earlier save may land', joined(status({ ...editor, uncertain: true })), ['editor_mode_text', 'uncertain_text'], 'warning', [], false, false],
  ['editor, a save on its way', joined(status({ ...editor, saving: true })), ['saving_self_text'], 'editor', [], false, false],
  ['next in line', joined(status(queued)), ['viewer_mode_text', 'next_text'], 'readonly', [], true, false],
  ['second in line', joined(status({ ...queued, position: 2 })), ['viewer_mode_text', 'position_text'], 'readonly', [], true, false],
  ['in line, the editor saves', joined(status({ ...queued, saving: true })), ['saving_text', 'next_text'], 'readonly', [], true, false],
  ['in line, nobody edits', joined(status({ ...queued, editor: null })), ['free_text', 'next_text'], 'readonly', [], true, false],
  ['in line, another is about to', joined(status(queued), status({ ...queued, editor: null, position: 2 })), ['reserved_text', 'position_text'], 'readonly', [], true, false],
  ['not in line', joined(status({ editor: ADA })), ['viewer_mode_text'], 'readonly', ['queue'], true, false],
  ['not in line, nobody edits', joined(status({})), ['free_text'], 'readonly', ['edit'], true, false],
  ['may only look, somebody edits', run([open, welcome, status({ editor: ADA })], { can_edit: false }), ['view_only_editor_text'], 'readonly', [], true, false],
  ['may only look, nobody edits', run([open, welcome, status({})], { can_edit: false }), ['view_only_text'], 'quiet', [], false, false],
  ['may only look, new version', run([open, welcome, status({ stale: true, editor: ADA, saved: { by: 'Ada', at: 1 } })], { can_edit: false }), ['updated_text'], 'readonly', [], true, true],
  ['may only look, new version, nobody edits', run([open, welcome, status({ stale: true, saved: { by: 'Ada', at: 1 } })], { can_edit: false }), ['updated_text'], 'readonly', [], true, true],
  ['on another page of mine', joined(status({ you: 'waiting', editor: SELF, elsewhere: true })), ['elsewhere_text'], 'readonly', ['claim'], true, false],
  ['moved to another page while typing', joined(status(editor), dirty, lost('moved'), status({ editor: SELF, elsewhere: true })), ['elsewhere_text', 'typed_kept_text'], 'readonly', ['claim'], true, false],
  ['my turn', joined(status(queued), status({ ...queued, editor: null, turn: true, stale: true })), ['claiming_editor_text'], 'readonly', [], true, true],
  ['my turn without a save', joined(status(queued), status({ ...queued, editor: null, turn: true })), ['claiming_editor_text'], 'readonly', [], true, true],
  ['my turn while typing', joined(dirty, status({ ...queued, editor: null, turn: true })), ['turn_dirty_text'], 'readonly', ['load'], true, false],
  ['the turn was taken', joined(status({ ...editor, turn: true })), ['editor_mode_text'], 'editor', [], false, false],
  ['saved and gone', joined(status(queued), status({ ...queued, editor: null, stale: true })), ['claiming_editor_text'], 'readonly', [], true, true],
  ['saved and goes on', joined(status({ ...queued, stale: true, saved: { by: 'Ada', at: 1 } })), ['updated_text'], 'readonly', [], true, true],
  ['saved under my typing', joined(dirty, status({ ...queued, stale: true, saved: { by: 'Ada', at: 1 } })), ['changed_text'], 'error', ['load'], true, false],
  ['saved by me, elsewhere', joined(status({ ...queued, stale: true, saved: { by: 'Me', you: true, at: 1 } })), ['updated_self_text'], 'readonly', [], true, true],
  ['saved by me, elsewhere, under my typing', joined(dirty, status({ ...queued, stale: true, saved: { by: 'Me', you: true, at: 1 } })), ['changed_self_text'], 'error', ['load'], true, false],
  ['deleted by me, elsewhere', joined(status({ deleted: true, saved: { by: 'Me', you: true, at: 1 } })), ['deleted_self_text'], 'error', [], true, false],
  ['mine, moved to another page of mine and saved there', joined(status(editor), lost('moved'), status({ editor: SELF, elsewhere: true }), status({ stale: true, version: 2, saved: { by: 'Me', you: true, at: 1 } })), ['updated_self_text'], 'readonly', [], true, true],
  ['… where I was next in line behind somebody else before', joined(status(queued), status({ editor: SELF, elsewhere: true }), status({ stale: true, version: 2, saved: { by: 'Me', you: true, at: 1 } })), ['updated_self_text'], 'readonly', [], true, true],
  ['… and this page is to be loaded again to take it back', joined(status(editor), lost('moved'), status({ stale: true, turn: true, version: 2, saved: { by: 'Me', you: true, at: 1 } })), ['updated_self_text'], 'readonly', [], true, true],
  ['mine ran out, and somebody saved and left while I was away', joined(status(editor), waiting(2), open, welcome, status({ stale: true, version: 2, saved: { by: 'Ada', at: 1 } })), ['updated_text'], 'readonly', [], true, true],
  ['mine was forgotten, and nobody knows of a save', joined(status(editor), waiting(2), open, welcome, status({ stale: true, version: 2 })), ['unsure_text'], 'readonly', [], true, true],
  ['mine ran out, and somebody is before me', joined(status(editor), lost('expired'), status({ ...queued, editor: null, position: 2 })), ['lost_expired_text', 'free_text', 'position_text'], 'readonly', [], true, false],
  ['mine was taken over, saved by them, and they have left', joined(status(editor), lost('taken_over'), status(queued), status({ ...queued, editor: null, stale: true, turn: true, version: 2, saved: { by: 'Ada', at: 1 } })), ['claiming_editor_text'], 'readonly', [], true, true],
  ['the proxy forgot', joined(status({ stale: true, editor: ADA })), ['unsure_text'], 'readonly', [], true, true],
  ['the proxy forgot under my typing', joined(dirty, status({ stale: true, editor: ADA })), ['unsure_dirty_text'], 'error', ['load'], true, false],
  ['about to discard', joined(dirty, status({ ...queued, stale: true }), { type: 'action', id: 'load' }), ['discard_text'], 'error', ['keep', 'discard'], true, false],
  ['thought better of it', joined(dirty, status({ ...queued, stale: true, saved: { by: 'Ada', at: 1 } }), { type: 'action', id: 'load' }, { type: 'action', id: 'keep' }), ['changed_text'], 'error', ['load'], true, false],
  ['reloading did not help', joined(status({ ...queued, stale: true }), { type: 'reload_refused' }), ['refresh_text'], 'readonly', ['reload'], true, false],
  ['… but there is a newer version', joined(status(queued), status({ stale: true }), { type: 'reload_refused' }, status({ stale: true, version: 2 })), ['claiming_editor_text'], 'readonly', [], true, true],
  ['an operator took it', joined(status(editor), lost('operator'), status({ ...queued })), ['lost_operator_text', 'viewer_mode_text', 'next_text'], 'readonly', [], true, false],
  ['an operator took it while typing', joined(status(editor), dirty, lost('operator'), status({})), ['lost_operator_text', 'free_text', 'typed_kept_text'], 'readonly', ['edit'], true, false],
  ['an operator took it and says why', joined(status(editor), lost('operator', { reason: 'Import' }), status({ ...queued })), ['lost_operator_text', 'lost_reason_text', 'viewer_mode_text', 'next_text'], 'readonly', [], true, false],
  ['an operator took it and said why, before it ran out', joined(status(editor), lost('operator', { reason: 'Import' }), status(editor), lost('expired'), status({ editor: ADA })), ['lost_expired_text', 'viewer_mode_text'], 'readonly', ['queue'], true, false],
  ['it ran out', joined(status(editor), lost('expired'), status({ editor: ADA })), ['lost_expired_text', 'viewer_mode_text'], 'readonly', ['queue'], true, false],
  ['it ran out while away', joined(status(editor), waiting(2), open, welcome, status(queued)), ['lost_expired_text', 'viewer_mode_text', 'next_text'], 'readonly', [], true, false],
  ['I gave it up', joined(status(editor), lost('released'), status({ editor: ADA })), ['viewer_mode_text'], 'readonly', ['queue'], true, false],
  ['I got it back', joined(status(editor), lost('expired'), status(queued), status(editor)), ['editor_mode_text'], 'editor', [], false, false],
  ['the status comes before its cause', joined(status(editor), status({}), lost('operator')), ['lost_operator_text', 'free_text'], 'readonly', ['edit'], true, false],
  ['editor, connection lost', joined(status(editor), waiting(2)), ['reconnecting_text'], 'warning', [], false, false],
  ['viewer, connection lost', joined(status(queued), waiting(2)), ['reconnecting_text'], 'warning', [], true, false],
  ['editor, the store is away', joined(status(editor), frame({ type: 'alive', store: false })), ['unreached_text'], 'warning', [], false, false],
  ['in line, a request met no store', joined(status(queued), frame({ type: 'error', code: 'store_down', message: 'm' })), ['unreached_viewer_text'], 'warning', [], true, false],
  ['… and it is back', joined(status(queued), frame({ type: 'alive', store: false }), frame({ type: 'alive', store: true })), ['viewer_mode_text', 'next_text'], 'readonly', [], true, false],
  ['a request was not allowed', joined(status(editor), frame({ type: 'error', code: 'not_allowed', message: 'm' })), ['editor_mode_text'], 'editor', [], false, false],
  ['attention was asked for', joined(status({ ...queued, attention: { ask_from: 9, asked: true, seen: false }, now: 1 })), ['viewer_mode_text', 'next_text', 'notification_request_sent_text'], 'readonly', [], true, false],
  ['… a while ago', joined(status({ ...queued, attention: { ask_from: 9, asked: true, seen: false }, now: 10 })), ['viewer_mode_text', 'next_text'], 'readonly', ['attention'], true, false],
  ['editor, a blink', joined(status(editor), waiting(1)), ['editor_mode_text'], 'editor', [], false, false],
  ['editor, offline', joined(status(editor), { type: 'network', online: false }, waiting(1)), ['offline_text'], 'warning', [], false, false],
  ['"offline" with a working line', joined(status(editor), { type: 'network', online: false }), ['editor_mode_text'], 'editor', [], false, false],
  ['signed out', joined(status(editor), { type: 'ended', reason: 'signed_out' }), ['signed_out_text'], 'error', ['sign_in', 'retry'], false, false],
  ['signed out, and the socket joins again', joined(status(editor), out, open, welcome, status(editor), signed(true)), ['signed_out_text'], 'error', ['sign_in', 'retry'], false, false],
  ['signed in again, the form not fit yet', joined(status(editor), signed(false), signed(true)), ['signed_out_text'], 'error', ['sign_in', 'retry'], false, false],
  ['signed in again, the form fit', joined(status(editor), signed(false), signed(true), { type: 'signed_in' }), ['editor_mode_text'], 'editor', [], false, false],
  ['signed in as somebody else', joined(status(editor), out, { type: 'ended', reason: 'token' }), ['token_text'], 'error', ['reload'], false, false],
  ['signed out as a viewer', joined(status(queued), { type: 'ended', reason: 'signed_out' }), ['signed_out_text'], 'error', ['sign_in', 'retry'], true, false],
  ['token refused', run([{ type: 'ended', reason: 'token' }]), ['token_text'], 'error', ['reload'], false, false],
  ['token refused while typing', joined(status(editor), dirty, { type: 'ended', reason: 'token' }), ['token_text', 'typed_kept_text'], 'error', ['load'], false, false],
  ['… and about to discard', joined(status(editor), dirty, { type: 'ended', reason: 'token' }, { type: 'action', id: 'load' }), ['discard_text'], 'error', ['keep', 'discard'], false, false],
  ['the page twice', joined(status(editor), { type: 'ended', reason: 'duplicate' }), ['duplicate_text'], 'error', ['reload'], true, false],
  ['deleted', joined(status({ deleted: true, saved: { by: 'Ada', at: 1 } })), ['deleted_text'], 'error', [], true, false],
  ['deleted under my typing', joined(status(editor), dirty, status({ deleted: true, stale: true })), ['deleted_text', 'typed_kept_text'], 'error', [], true, false],
  ['I am saving', joined(status(editor), { type: 'leaving', by: 'save' }), ['saving_self_text'], 'quiet', [], false, false],
  ['I saved, the answer is on its way', joined(status(editor), { type: 'leaving', by: 'save' }, { type: 'leaving', by: 'away' }, status({ stale: true })), ['saving_self_text'], 'quiet', [], true, false],
  ['following a link meanwhile', joined(status(queued), { type: 'leaving', by: 'away' }, status({ stale: true })), ['claiming_editor_text'], 'readonly', [], true, false],
  ['the link was a download', joined(status(queued), { type: 'leaving', by: 'away' }, status({ stale: true }), { type: 'staying' }), ['claiming_editor_text'], 'readonly', [], true, true],
];

for (const [name, state, lines, tone, actions, readOnly, reload] of TABLE) {
  test(name, () => {
    const { values, urgent, title, wake, ...shown } = view(state);
    assert.deepEqual(shown, { lines, tone, actions, readOnly, reload });
  });
}

test('a form that Django gave back with errors is unsaved work from the start', () => {
  const state = run([open, welcome, status({ stale: true })], { can_edit: true, unsaved: true });
  assert.equal(view(state).reload, false);
  assert.deepEqual(view(state).actions, ['load']);
});

test('whoever saved an earlier version is not blamed for what came after', () => {
  const saved = { by: 'Grace', you: true, at: 1 };
  const gone = [status({ ...editor, version: 1, saved }), frame({ type: 'content_updated', version: 2, by: '', you: false, deleted: true }),
    status({ version: 2, deleted: true })];
  assert.equal(say(joined(...gone)), 'This was deleted by somebody else.');
  const restarted = [status({ ...editor, version: 1, saved: { by: 'Grace', at: 1 } }), dirty, status({ ...queued, editor: null, version: 2, stale: true })];
  assert.match(say(joined(...restarted)), /^The server has lost track of this page/);
});

test('who edits is shown nobody else\'s typing', () => {
  const state = joined(status(queued), { type: 'live', showing: true });
  assert.deepEqual([state.live, view(state).lines.includes('live_text')], [true, true]);
  assert.equal(reduce(state, status(editor)).live, false);
  assert.ok(!view([status(editor), status(queued)].reduce(reduce, state)).lines.includes('live_text'), 'nor when it is another\'s turn again');
});

test('what was offered to one is not said to be offered to the next', () => {
  const passed = { type: 'passed', how: 'sent' };
  const LINUS = { user_id: 'u-l', page_id: 'p-l', name: 'Linus', since: 1, active: 1 };
  const handed = [status(editor), dirty, lost('handed_over'), passed, status({ ...queued }), status({ ...queued, editor: LINUS })];
  assert.match(say(joined(...handed)), /offered to Ada/);
  const saved = status({ ...queued, editor: LINUS, version: 2, stale: true, saved: { by: 'Linus', at: 2 } });
  assert.doesNotMatch(say(joined(...handed, saved)), /offered/);
});

test('sentences name the one who edits, and after a save the one who saved', () => {
  assert.equal(say(joined(status({ ...queued, position: 3 }))),
    'This page is being edited by Ada. You cannot make changes until they leave. You are number 3 in line.');
  const saved = status({ ...queued, stale: true, saved: { by: 'Grace', at: 1 } });
  assert.match(say(joined(saved)), /^Grace saved changes\./);
  assert.match(say(joined(frame({ type: 'content_updated', version: 2, by: 'Grace', deleted: false }), status({ version: 2, stale: true, editor: ADA }))), /^Grace /);
  assert.match(say(joined(status({ stale: true, editor: ADA, saved: { by: '', at: 1 } }))), /^The server has lost track/);
});

// What must hold whatever happens.
const CALM = { asking: [], askers: 0, asked: false, ask_from: null, take_over_from: null, answer_by: null, later: 120_000, promised: false, passes_on: null };
const HANDOVERS = [
  { ask_from: 0 }, { ask_from: 60_000 }, { take_over_from: 0 }, { asked: true, askers: 1, asking: ['Me'] },
  { asked: true, askers: 2, asking: ['Me', 'Bob'], take_over_from: 61_000, answer_by: 61_000 },
  { askers: 1, asking: ['Bob'], promised: true, passes_on: { at: 120_000, warn: 0, cause: 'handed_over' } },
  ...['idle', 'time_up'].map((cause) => ({ passes_on: { at: 60_000, warn: 4_000, cause } })),
].map((fields) => ({ ...CALM, ...fields }));
const EVENTS = [
  open, welcome, waiting(1), waiting(2), dirty, { type: 'dirty', dirty: false },
  { type: 'network', online: false }, { type: 'network', online: true },
  ...['signed_out', 'token', 'duplicate'].map((reason) => ({ type: 'ended', reason })),
  ...['save', 'away'].map((by) => ({ type: 'leaving', by })), { type: 'staying' }, { type: 'reload_refused' },
  ...['load', 'keep', 'claim'].map((id) => ({ type: 'action', id })),
  ...['released', 'expired', 'operator', 'moved', 'saved', 'unheard_of'].map(lost),
  frame({ type: 'content_updated', version: 2, by: 'Ada', deleted: false }),
  frame({ type: 'error', code: 'x', message: 'y' }), { type: 'unheard_of' },
  ...['taken_over', 'handed_over', 'idle', 'time_up'].map(lost), ...['sent', 'too_large'].map((how) => ({ type: 'passed', how })),
  { type: 'tick', now: 5_000 }, { type: 'tick', now: 90_000 },
  ...[editor, queued, { editor: ADA }].flatMap((who) => HANDOVERS.map((handover) => status({ ...who, now: 1_000, handover }))),
  ...[{}, editor, queued, { editor: ADA }, { editor: SELF, elsewhere: true }, { ...queued, position: 2 }].flatMap((who) =>
    [{}, { stale: true }, { turn: true }, { stale: true, version: 2 }, { saving: true }, { deleted: true }, { uncertain: true }]
      .map((what) => status({ ...who, ...what }))),
];

// A long walk over the events, the same on every run.
function walk(can_edit) {
  let seed = 42;
  const random = (below) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const seen = new Map();
  let state = initial({ can_edit });
  for (let step = 0; step < 20_000; step += 1) {
    state = reduce(state, EVENTS[random(EVENTS.length)]);
    seen.set(JSON.stringify(state), state);
  }
  return [...seen.values()];
}

test('in every state that can be reached', () => {
  const texts = TEXTS;
  let reloads = 0;
  for (const can_edit of [true, false]) {
    const states = walk(can_edit);
    assert.ok(states.length > 1_000);
    for (const state of states) {
      const shown = view(state);
      const where = JSON.stringify({ state, shown });
      assert.ok(sentence(shown, texts).length > 0, `something is said ${where}`);
      assert.doesNotMatch(sentence(shown, texts), /[{}]|undefined|null/, where);
      if (shown.title) assert.ok(texts[shown.title], where);
      if (shown.wake !== null) assert.ok(shown.wake > 0 && shown.wake <= 120_000, `never a busy loop ${where}`);
      if (shown.urgent && can_edit) assert.ok(!shown.readOnly, `only the editor is pressed ${where}`);
      for (const id of shown.actions) assert.ok(buttonOf(id, texts), `a button has a label ${where}`);
      if (shown.reload) {
        reloads += 1;
        assert.ok(!state.dirty && !state.leaving && !state.refused && state.status, `no reload over work ${where}`);
        assert.ok(shown.readOnly, `nobody types while the page is about to go ${where}`);
      }
      if (state.dirty) assert.ok(!shown.actions.includes('reload'), `a reload with typed work asks first ${where}`);
      if (shown.actions.includes('discard')) assert.equal(shown.actions[0], 'keep', where);
      if (!can_edit) {
        assert.ok(!shown.lines.some((line) => /viewer_mode|next|position|claim/.test(line)), `never the waiting text ${where}`);
        assert.ok(!shown.actions.some((id) => ['claim', 'edit', 'queue', 'ask', 'take'].includes(id)), where);
      }
      if (state.status === null && state.ended !== 'duplicate') assert.equal(shown.readOnly, false, `Django's form until told otherwise ${where}`);
      if (state.status?.stale) assert.equal(shown.readOnly, true, `an old rendering is never unlocked ${where}`);
    }
  }
  assert.ok(reloads > 0);
});

test('a reducer changes nothing in place', () => {
  const freeze = (state) => Object.freeze(state);
  let state = freeze(initial({ can_edit: true }));
  for (const event of EVENTS) state = freeze(reduce(state, Object.freeze(event)));
});

test('an action the view does not know leaves the state sound', () => {
  assert.doesNotThrow(() => view(reduce(initial({}), { type: 'action', id: 'constructor' })));
});

test('an operator\'s reason is said in their words', () => {
  const said = say(joined(status(editor), lost('operator', { reason: 'Back at 3 {time}' }), status({})));
  assert.equal(said, 'An administrator ended your editing. The reason: “Back at 3 {time}”. Nobody is editing this page right now.');
});
