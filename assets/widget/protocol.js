// What a frame looks like: encodes what the page says, checks what the proxy says (docs/protocol.md).
// It must not know what a message does (state.js) nor how it travels (connection.js).

const string = (value) => typeof value === 'string';
const boolean = (value) => typeof value === 'boolean';
const number = (value) => Number.isFinite(value);
const record = (value) => Object(value) === value && !Array.isArray(value);
const oneOf = (...names) => (value) => names.includes(value);
const nullOr = (check) => (value) => value === null || check(value);
// A field that a proxy of another version may leave out.
const maybe = (check) => (value) => value === undefined || check(value);

const list = (check) => (value) => Array.isArray(value) && value.every(check);
const each = (check) => (value) => record(value) && Object.values(value).every(check);
const shape = (fields) => (value) => record(value) && fits(fields, value);

const entry = (value) => list(string)(value) && (value.length === 2 || value.length === 3);
const formset = shape({ saved: number, keys: list(string), total: maybe(number) });
const values = { fields: list(entry), names: list(string), rows: maybe(each(formset)), too_large: boolean };

const time = nullOr(number);
const handover = shape({
  asking: list(string), askers: number, asked: boolean, ask_from: time, take_over_from: time, answer_by: time,
  later: number, promised: boolean, passes_on: nullOr(shape({ at: number, warn: number, cause: string })),
});

const person = { user_id: string, name: string };
const attention = shape({ asking: list(shape(person)), askers: number, ask_from: time, asked: boolean, seen: boolean });

const activity = oneOf('here', 'idle', 'away');
const user = shape({
  ...person, pages: number, since: number, role: oneOf('editing', 'waiting', 'viewing'), position: number, activity,
  dirty: boolean, avatar: maybe(string),
});

const message = {
  sender_id: string, sender_name: string, recipient_id: string, message: string, timestamp: number, ref: string,
};

// Fields that the widget reads. Others may come along: the proxy may be newer than this page.
export const TO_PAGE = {
  welcome: { user_id: string, page_id: string, object: string, version: number, alive: maybe(number) },
  alive: { store: boolean },
  editor_status: {
    editor: nullOr(shape({ ...person, page_id: string })), you: oneOf('editor', 'waiting', 'viewer'), position: number, version: number,
    stale: boolean, turn: boolean, elsewhere: boolean, saving: boolean,
    saved: maybe(nullOr(record)), deleted: boolean, uncertain: boolean,
    now: maybe(number), handover: maybe(handover), attention: maybe(attention),
  },
  active_users: { users: list(user), more: number },
  user_joined: person,
  user_left: person,
  attention_requested: person,
  chat_message: message,
  chat_history: { messages: list(shape(message)) },
  field_changed: { whole: boolean, ...values },
  field_focus: { name: nullOr(string) },
  lock_released: { cause: string },
  edit_requested: { names: list(string) },
  request_answered: { answer: string, by: string, at: time },
  unsaved_offered: { by: string, at: number, ...values },
  content_updated: { version: number, you: maybe(boolean), deleted: maybe(boolean) },
  session: { signed_in: boolean },
  error: { code: string, message: string, ref: maybe(string) },
  list_status: { rows: each(nullOr(shape({ ...person, you: boolean }))) },
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
