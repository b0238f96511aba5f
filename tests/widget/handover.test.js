// What both sides are shown while a lock is asked for, promised, taken over, or passes on by itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initial, reduce } from '../../assets/widget/state.js';
import { fill, sentence } from '../../assets/widget/texts.js';
import { TEXTS } from './english.js';
import { view } from '../../assets/widget/view.js';

const ADA = { user_id: 'u-ada', page_id: 'p-1', name: 'Ada', since: 1, active: 1 };
const SELF = { user_id: 'u-me', page_id: 'p-me', name: 'Me', since: 1, active: 1 };
const CALM = { asking: [], askers: 0, asked: false, ask_from: null, take_over_from: null, answer_by: null, later: 120_000, promised: false, passes_on: null };
const frame = (fields) => ({ type: 'frame', frame: fields });
const status = (who, handover = {}, fields = {}) => frame({
  type: 'editor_status', editor: null, you: 'viewer', position: 0, version: 1, stale: false, turn: false, elsewhere: false,
  saving: false, saved: null, deleted: false, uncertain: false, now: 10_000, handover: { ...CALM, ...handover }, ...who, ...fields,
});
const editor = { you: 'editor', editor: SELF };
const waits = { you: 'waiting', position: 1, editor: ADA };
const watches = { you: 'viewer', editor: ADA };
const open = { type: 'connection', link: 'open', tries: 0 };
const tick = (now) => ({ type: 'tick', now });
const lost = (cause, by = null) => frame({ type: 'lock_released', cause, by });
const dirty = { type: 'dirty', dirty: true };
const run = (...events) => [open, ...events].reduce(reduce, initial({ can_edit: true }));

const EDITS = 'This page is being edited by Ada. You cannot make changes until they leave.';
const NEXT = `${EDITS} You are next.`;
const BRIEF = 'This page is being edited by Ada.'; // with more to say
const BRIEF_NEXT = `${BRIEF} You are next.`;
const one = { askers: 1, asking: ['Bob'] };
const idle = { passes_on: { at: 70_000, warn: 10_000, cause: 'idle' } };

// what happened | the sentence | the buttons | until the view changes, ms
const TABLE = [
  ['asked', run(status(editor, one)), 'Bob asks to edit this page.', ['now', 'later', 'no'], null],
  ['asked by three', run(status(editor, { ...one, askers: 3 })), 'Bob and 2 more ask to edit this page.', ['now', 'later', 'no'], null],
  ['asked, with a takeover to come', run(status(editor, { ...one, answer_by: 70_000 })), 'Bob asks to edit this page. Without an answer they can take over in 1:00.', ['now', 'later', 'no'], 1_000],
  ['… in half a second less', run(status(editor, { ...one, answer_by: 70_000 }), tick(10_500)), 'Bob asks to edit this page. Without an answer they can take over in 1:00.', ['now', 'later', 'no'], 500],
  ['… no answer', run(status(editor, { ...one, answer_by: 70_000 }), tick(70_000)), 'Bob asks to edit this page. They can take over now.', ['now', 'later', 'no'], null],
  ['promised', run(status(editor, { ...one, promised: true, passes_on: { at: 130_000, warn: 10_000, cause: 'handed_over' } })), 'You hand this page over in 2:00. Save before that.', ['now'], 1_000],
  ['idle', run(status(editor, idle)), 'Are you still there? Somebody is waiting, so this page is handed on in 1:00.', ['here'], 1_000],
  ['idle, and asked', run(status(editor, { ...one, ...idle })), 'Are you still there? Somebody is waiting, so this page is handed on in 1:00.', ['here', 'now'], 1_000],
  ['idle, not yet worth a word', run(status(editor, { passes_on: { at: 90_000, warn: 30_000, cause: 'idle' } })), 'You are in editor mode.', [], 20_000],
  ['… but then it is', run(status(editor, { passes_on: { at: 90_000, warn: 30_000, cause: 'idle' } }), tick(30_000)), 'Are you still there? Somebody is waiting, so this page is handed on in 1:00.', ['here'], 1_000],
  ['time is up', run(status(editor, { passes_on: { at: 15_000, warn: 9_000, cause: 'time_up' } })), 'Somebody is waiting, and your time is up in 0:05. Save before that.', [], 1_000],
  ['asked while saving', run(status(editor, one, { saving: true })), 'Your changes are being saved.', [], null],

  ['may ask', run(status(waits, { ask_from: 0 })), NEXT, ['ask'], null],
  ['may ask, others do', run(status(waits, { ask_from: 0, ...one })), `${BRIEF_NEXT} Bob has asked to edit.`, ['ask'], null],
  ['may not while Ada saves', run(status(waits, { ask_from: 0 }, { saving: true })), 'Ada is saving. You are next.', [], null],
  ['has asked, no takeover', run(status(waits, { asked: true, askers: 1, asking: ['Me'] })), `${BRIEF_NEXT} You have asked to edit.`, [], null],
  ['has asked, takeover to come', run(status(waits, { asked: true, askers: 1, asking: ['Me'], take_over_from: 40_000 })), `${BRIEF_NEXT} You have asked to edit. Without an answer you can take over in 0:30.`, [], 1_000],
  ['has asked in vain', run(status(waits, { asked: true, askers: 1, asking: ['Me'], take_over_from: 40_000 }), tick(40_001)), `${BRIEF_NEXT} You have asked to edit, and there was no answer.`, ['take'], null],
  ['was promised', run(status(waits, { asked: true, askers: 1, promised: true, passes_on: { at: 130_000, warn: 10_000, cause: 'handed_over' } })), `${BRIEF_NEXT} Ada hands it over in 2:00.`, [], 1_000],
  ['was declined', run(status(waits, { ask_from: 70_000 })), `${BRIEF_NEXT} Ada goes on editing. You can ask again in 1:00.`, [], 1_000],
  ['… a minute ago', run(status(waits, { ask_from: 70_000 }), tick(70_000)), NEXT, ['ask'], null],
  ['the editor is away', run(status(waits, { ask_from: 0, ...idle })), `${BRIEF_NEXT} It is handed on in 1:00.`, ['ask'], 1_000],
  ['takeover at any time', run(status(waits, { ask_from: 0, take_over_from: 0 })), NEXT, ['ask', 'take'], null],
  ['takeover without waiting', run(status(watches, { take_over_from: 0 })), EDITS, ['queue', 'take'], null],

  ['taken over', run(status(editor), lost('taken_over', 'Ada'), status(watches)), 'Ada has taken over and edits this page now.', ['queue'], null],
  ['taken over while typing', run(status(editor), dirty, lost('taken_over', 'Ada'), { type: 'passed', how: 'sent' }, status(watches)), 'Ada has taken over and edits this page now. What you typed is still here, and is offered to Ada.', ['queue'], null],
  ['… too much', run(status(editor), dirty, lost('taken_over', 'Ada'), { type: 'passed', how: 'too_large' }, status(watches)), 'Ada has taken over and edits this page now. What you typed is still here, to copy from. It is too large to be passed on.', ['queue'], null],
  ['… and handed on since', run(status(editor), lost('taken_over', 'Bob'), status(watches)), `Bob has taken over and edits this page now. ${BRIEF}`, ['queue'], null],
  ['handed over', run(status(editor), lost('handed_over'), status(watches)), `You have handed this page over. ${BRIEF}`, ['queue'], null],
  ['was idle', run(status(editor), lost('idle'), status(watches)), `You were away while somebody was waiting. ${BRIEF}`, ['queue'], null],
  ['an older proxy', run(frame({ ...status(waits).frame, handover: undefined, now: undefined })), NEXT, [], null],
];

for (const [name, state, text, actions, wake] of TABLE) {
  test(name, () => {
    const shown = view(state);
    assert.equal(sentence(shown, TEXTS), text);
    assert.deepEqual(shown.actions, actions);
    assert.equal(shown.wake, wake);
  });
}

test('only what the editor has to answer or to know is urgent, and stands in the title', () => {
  const urgent = TABLE.filter(([, state]) => view(state).urgent).map(([name]) => name);
  assert.deepEqual(urgent, TABLE.slice(0, 11).map(([name]) => name).filter((name) => name !== 'idle, not yet worth a word'));
  const title = (state) => fill(TEXTS[view(state).title], view(state).values);
  assert.equal(title(run(status(editor, one))), 'Request to edit');
  assert.equal(title(run(status(editor, idle), tick(12_400))), '0:58 left');
});

test('the later button says how late', () => {
  const label = (later) => fill(TEXTS.later_button, view(run(status(editor, { ...one, later }))).values);
  assert.deepEqual([label(120_000), label(30_000)], ['In 2 min', 'In 30 s']);
});

test('who has it back has lost nothing', () => {
  const state = run(status(editor), dirty, lost('idle'), { type: 'passed', how: 'sent' }, status(watches), status(editor));
  assert.deepEqual([state.lost, state.lostTo, state.passed], [null, '', null]);
});
