// Asking for the editor's attention: what the editor is told until they have seen it, and how a request stands for who
// made it. Pure, as view.js, which puts it into the whole. It must not know the words (texts.js) nor the clock: times
// are the server's.

const NONE = { asking: [], askers: 0, ask_from: null, asked: false, seen: false };

// A proxy of an older version says nothing of this.
const of = ({ status }) => status?.attention ?? NONE;

// The editor's page: somebody asks. Null when nobody does.
export function asked(state) {
  const { asking, askers } = of(state);
  if (askers === 0) return null;
  const lines = ['notification_message', ...(askers > 1 ? ['attention_more_text'] : [])];
  return { lines, actions: ['seen', ...(state.chat && asking[0] ? ['chat'] : []), ...(state.desktop ? ['desktop'] : [])], title: 'attention_title', username: asking[0]?.name ?? '', count: askers - 1 };
}

// The page of somebody else: what can be done, and what has become of it.
export function requesting(state) {
  const { ask_from: from, asked: done, seen } = of(state);
  const may = from !== null && from <= state.now;
  // Beside what else is asked for, a request that stays would not be known for what it is: it goes when it may be made again.
  const lines = from === null || !done ? [] : seen ? ['attention_seen_text'] : may ? [] : ['notification_request_sent_text'];
  return { lines, actions: may ? ['attention'] : [] };
}

// When asking becomes possible again.
export function wakes(state) {
  const { ask_from: from } = of(state);
  return from !== null && from > state.now ? [from] : [];
}

// Whom the editor would answer.
export const lastAsker = (state) => of(state).asking[0] ?? null;
