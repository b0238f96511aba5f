// The people on the object, as one page shows them: what is said of each, initials and a colour. Pure.
// It must not know the DOM nor the socket.
import { fill } from './texts.js';

const SHOWN = 5; // faces in the bar; the others are counted

// First letters of the first and the last word, as people write them.
export function initials(name) {
  const words = name.split(/[\s.@_-]+/u).filter(Boolean);
  const first = (word) => [...(word ?? '')].slice(0, 1).join('');
  return (first(words[0]) + (words.length > 1 ? first(words.at(-1)) : '')).toLocaleUpperCase();
}

// The same person has the same colour everywhere; dark enough for white letters in every hue.
export function colour(userId) {
  let hash = 0;
  for (const c of userId) hash = (hash * 31 + c.codePointAt(0)) % 360;
  return `hsl(${hash} 60% 30%)`;
}

// Times as the person writes them: the page's language, and the date only if it is another day.
export function clockTime(at, lang, now = Date.now()) {
  const day = { timeStyle: 'short', ...(new Date(at).toDateString() === new Date(now).toDateString() ? {} : { dateStyle: 'medium' }) };
  try {
    return new Intl.DateTimeFormat(lang || undefined, day).format(at);
  } catch {
    return new Intl.DateTimeFormat(undefined, day).format(at); // a language tag that is none
  }
}

// What is said of a person: "Ada Lovelace, editing, unsaved changes, since 14:05".
export function label(user, texts, lang) {
  const role = fill(texts[`role_${user.role}_text`], { position: user.position });
  const more = [
    user.activity === 'here' ? '' : texts[`activity_${user.activity}_text`],
    user.dirty ? texts.dirty_text : '',
    fill(texts.since_text, { time: clockTime(user.since, lang) }),
  ];
  return [user.name, role, ...more].filter(Boolean).join(', ');
}

// Everybody but the person of this page; `more` are not named.
export function others({ users, more }, me) {
  const rest = users.filter(({ user_id: id }) => id !== me);
  return { shown: rest.slice(0, SHOWN), all: rest, more };
}
