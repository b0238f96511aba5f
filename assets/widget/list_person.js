// A person as a badge shows them: initials and a colour. Pure.

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
