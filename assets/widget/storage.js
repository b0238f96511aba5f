// JSON in a browser's storage. Storage that is switched off keeps nothing, and breaks nothing.

export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export function read(storage, key) {
  try {
    return parse(storage.getItem(key));
  } catch {
    return null;
  }
}

export function write(storage, key, value) {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch {
    // Nothing to be done.
  }
}
