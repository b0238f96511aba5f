// How a name gets into a text. The texts themselves come with the page, in its language (collab.toml, assets/texts).
// It must not know when a text is shown (view.js) nor where (banner.js).

// Fills in `{name}`; what has no value stays as it stands, so a typo in a setting shows itself.
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (hole, name) =>
    Object.hasOwn(values, name) && values[name] != null ? String(values[name]) : hole);
}

// What a button says. The one for attention has the name that it has in django-admin-collaborator's settings.
export const buttonOf = (id, texts) => texts[id === 'attention' ? 'notification_button_text' : `${id}_button`];

// The sentence of a view (see view.js): its text keys, filled in and joined.
export function sentence(view, texts) {
  const values = { ...view.values, editor_name: view.values.editor_name || texts.somebody };
  const text = view.lines.map((key) => fill(texts[key] ?? '', values)).filter(Boolean).join(' ');
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
