// What is said while a lock is asked for, promised, taken over, or about to pass on by itself: the sentences,
// the buttons and until when they count down. Pure, as view.js, which puts it into the whole.
// It must not know the words (texts.js). Times are the server's; `state.now` is kept by whoever has a clock.

const NONE = { asking: [], askers: 0, asked: false, ask_from: null, take_over_from: null, answer_by: null, promised: false, passes_on: null };
const SECOND = 1_000;

// A proxy of an older version says nothing of this.
const of = ({ status }) => status?.handover ?? NONE;
const reached = (time, now) => time !== null && time <= now;

// Idle, or editing for too long: what its editor and those who wait are warned of.
function warned(state) {
  const { passes_on: passes } = of(state);
  return passes && passes.cause !== 'handed_over' && passes.warn <= state.now ? passes : null;
}

// The editor's page: somebody asks, the lock is promised, or it is about to go. Null when there is nothing of it.
export function pressing(state) {
  const { askers, answer_by: by, promised, passes_on: passes } = of(state);
  const warning = warned(state);
  const asked = askers > 0 && !promised;
  if (warning) {
    const idle = warning.cause === 'idle';
    const actions = [...(idle ? ['here'] : []), ...(asked ? ['now'] : [])];
    return { lines: [idle ? 'idle_text' : 'time_up_text'], actions, until: warning.at, title: 'left_title' };
  }
  if (promised) return { lines: ['promise_text'], actions: ['now'], until: passes?.at ?? null, title: 'left_title' };
  if (!asked) return null;
  const lines = [askers > 1 ? 'asked_more_text' : 'asked_text'];
  if (by !== null) lines.push(by > state.now ? 'answer_by_text' : 'answer_late_text');
  return { lines, actions: ['now', 'later', 'no'], until: by, title: 'asked_title' };
}

// The page of somebody who could edit and does not: how the request stands, and what can be done.
export function standing(state) {
  const { askers, asked, ask_from: from, take_over_from: take, promised, passes_on: passes } = of(state);
  const { now, status } = state;
  const warning = warned(state);
  const may = (id, time) => (reached(time, now) && !status.saving ? [id] : []);
  const actions = [...may('ask', from), ...may('take', take)];
  if (warning) return { lines: ['passes_on_text'], actions, until: warning.at };
  if (promised) return { lines: ['promised_text'], actions: may('take', take), until: passes?.at ?? null };
  if (asked) {
    const lines = reached(take, now) ? ['unanswered_text'] : take === null ? ['ask_sent_text'] : ['ask_sent_text', 'take_later_text'];
    return { lines, actions, until: take };
  }
  if (from !== null && from > now) return { lines: ['declined_text'], actions, until: from };
  return { lines: askers > 0 ? ['others_asked_text'] : [], actions, until: null };
}

// What fills the holes of these texts.
export function values(state, until) {
  const { asking, askers, later = 0 } = of(state);
  return {
    names: asking[0] ?? '',
    count: Math.max(askers - 1, 0),
    time: until === null ? '' : clock(until - state.now),
    later: span(later),
  };
}

// How long what is shown stays true: to the next second of a countdown, or to the next time something becomes
// possible. Null: until something is heard.
export function wake(state, until, others = []) {
  const { ask_from, take_over_from, answer_by, passes_on } = of(state);
  const times = [ask_from, take_over_from, answer_by, passes_on?.warn ?? null, ...others].filter((time) => time !== null && time > state.now);
  const waits = times.map((time) => time - state.now);
  if (until !== null && until > state.now) waits.push((until - state.now) % SECOND || SECOND);
  return waits.length ? Math.min(...waits) : null;
}

function clock(millis) {
  const seconds = Math.max(0, Math.ceil(millis / SECOND));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

const span = (millis) => (millis >= 60_000 ? `${Math.round(millis / 60_000)} min` : `${Math.round(millis / SECOND)} s`);
