// The English texts, as collab.toml documents them: what a page is given.
import { readFileSync } from 'node:fs';

const settings = readFileSync(new URL('../../collab.toml', import.meta.url), 'utf8');

// The proxy's own pages come last; no widget is given what they say.
const [widget] = settings.split('[page_texts]\n');

// Texts stand one a line, without anything that would have to be escaped.
export const TEXTS = Object.fromEntries([...widget.matchAll(/^(\w+) = "([^"]*)"$/gm)].map(([, key, text]) => [key, text]));
