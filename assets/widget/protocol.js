// What a frame looks like: encodes what the page says, checks what the proxy says (docs/protocol.md).
// It must not know what a message does (state.js) nor how it travels (connection.js).

const string = (value) => typeof value === 'string';
const boolean = (value) => typeof value === 'boolean';
const number = (value) => typeof value === 'number' && Number.isFinite(value);
const record = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const oneOf = (...names) => (value) => names.includes(value);
const nullOr = (check) => (value) => value === null || check(value);
// A field that a proxy of another version may leave out.
const maybe = (check) => (value) => value === undefined || check(value);

const list = (check) => (value) => Array.isArray(value) && value.every(check);
const entry = (value) => list(string)(value) && (value.length === 2 || value.length === 3);
const formset = (value) => record(value) && number(value.saved) && list(string)(value.keys) && maybe(number)(value.total);
const rows = (value) => record(value) && Object.values(value).every(formset);
const values = { fields: list(entry), names: list(string), rows: maybe(rows), too_large: boolean };

const passesOn = (value) => record(value) && number(value.at) && number(value.warn) && string(value.cause);
const handover = (value) => record(value) && list(string)(value.asking) && number(value.askers) && boolean(value.asked)
  && [value.ask_from, value.take_over_from, value.answer_by].every(nullOr(number)) && number(value.later) && boolean(value.promised)
  && nullOr(passesOn)(value.passes_on);

const asker = (value) => record(value) && string(value.user_id) && string(value.name);
const attention = (value) => record(value) && list(asker)(value.asking) && number(value.askers)
  && nullOr(number)(value.ask_from) && boolean(value.asked) && boolean(value.seen);

const activity = oneOf('here', 'idle', 'away');
const user = (value) => asker(value) && number(value.pages) && number(value.since) && oneOf('editing', 'waiting', 'viewing')(value.role)
  && number(value.position) && activity(value.activity) && boolean(value.dirty) && maybe(string)(value.avatar);

const message = {
  sender_id: string, sender_name: string, recipient_id: string, message: string, timestamp: number, ref: string,
};
const line = (value) => record(value) && fits(message, value);

const editor = (value) => record(value) && string(value.user_id) && string(value.page_id) && string(value.name);

const badge = (value) => record(value) && string(value.user_id) && string(value.name) && boolean(value.you);

// Fields that the widget reads. Others may come along: the proxy may be newer than this page.
export const TO_PAGE = {
  welcome: { user_id: string, page_id: string, object: string, version: number },
  editor_status: {
    editor: nullOr(editor), you: oneOf('editor', 'waiting', 'viewer'), position: number, version: number,
    stale: boolean, turn: boolean, elsewhere: boolean, saving: boolean,
    saved: maybe(nullOr(record)), deleted: boolean, uncertain: boolean,
    now: maybe(number), handover: maybe(handover), attention: maybe(attention),
  },
  active_users: { users: list(user), more: number },
  user_joined: { user_id: string, name: string },
  user_left: { user_id: string, name: string },
  attention_requested: { user_id: string, name: string },
  chat_message: message,
  chat_history: { messages: list(line) },
  field_changed: { whole: boolean, ...values },
  field_focus: { name: nullOr(string) },
  lock_released: { cause: string },
  edit_requested: { names: list(string) },
  request_answered: { answer: string, by: string, at: nullOr(number) },
  unsaved_offered: { by: string, at: number, ...values },
  content_updated: { version: number, you: maybe(boolean), deleted: maybe(boolean) },
  session: { signed_in: boolean },
  error: { code: string, message: string, ref: maybe(string) },
  list_status: { rows: (value) => record(value) && Object.values(value).every(nullOr(badge)) },
};

export const FROM_PAGE = {
  join: { token: string },
  claim_editor: {},
  release_lock: {},
  input: { dirty: boolean },
  request_edit: {},
  answer_request: { answer: oneOf('now', 'later', 'no') },
  take_over: {},
  unsaved_values: values,
  presence: { activity },
  request_attention: {},
  attention_seen: {},
  chat_message: { recipient_id: string, message: string, ref: string },
  field_changed: values,
  field_focus: { name: nullOr(string) },
  leave: {},
  check_session: {},
};

const fits = (fields, frame) => Object.entries(fields).every(([name, check]) => check(frame[name]));

// One frame of ours as text. A frame that the protocol does not know is a bug of the widget, so it throws.
export function encode(type, fields = {}) {
  if (!Object.hasOwn(FROM_PAGE, type) || !fits(FROM_PAGE[type], fields)) throw new TypeError(`bad frame: ${type}`);
  return JSON.stringify({ type, ...fields });
}

// A frame of the proxy, or null for what this page does not understand: a newer proxy must not break it.
export function decode(text) {
  try {
    const frame = JSON.parse(text);
    const known = record(frame) && Object.hasOwn(TO_PAGE, frame.type) && fits(TO_PAGE[frame.type], frame);
    return known ? frame : null;
  } catch {
    return null;
  }
}

// People are named by a string or by a record with a name; nobody by an empty string.
export const nameOf = (person) => (string(person) ? person : record(person) && string(person.name) ? person.name : '');
