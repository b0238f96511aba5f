// The English texts, as collab.toml documents them: what a page is given.
import { readFileSync } from 'node:fs';

const settings = readFileSync(new URL('../../collab.toml', import.meta.url), 'utf8');

// Texts stand one a line, without anything that would have to be escaped.
export const TEXTS = Object.fromEntries([...settings.matchAll(/^(\w+) = "([^"]*)"$/gm)].map(([, key, text]) => [key, text]));
