// Rich-text editors (CKEditor 4 and 5, TinyMCE) keep their text to themselves until the form is sent. Here it is read and
// set as if it stood in the textarea that the editor hides.
// It must not know forms, nor what is done with a text. Where an editor stands, `boxes` says (assets/themes.toml).

let boxes = '';
// Of an editor: what it makes of its textarea's text, which is never quite the same. Kept on the editor itself, since each
// of our scripts has its own copy of this file.
const START = Symbol.for('collab-start');

export const setBoxes = (selector = '') => {
  boxes = selector;
};

// The box that an editor has put behind its textarea.
export function boxOf(area) {
  const next = boxes && area.nextElementSibling;
  return next && next.matches(boxes) ? next : null;
}

// The textarea of what stands in such a box.
export function areaOf(element) {
  const area = boxes && element?.closest?.(boxes)?.previousElementSibling;
  return area && area.matches('textarea') && editorOf(area) ? area : null;
}

function editorOf(area) {
  const box = boxOf(area);
  if (!box) return null;
  const { tinymce, CKEDITOR } = window;
  const found = [...box.querySelectorAll('[contenteditable]')].find((part) => part.ckeditorInstance)?.ckeditorInstance
    ?? tinymce?.get?.(area.id) ?? CKEDITOR?.instances?.[area.id];
  return found && (found.getData || found.initialized) ? found : null;
}

const textOf = (editor) => (editor.getData ? editor.getData() : editor.getContent());

// Before anything is typed in it.
export function meet(area) {
  if (area && editorOf(area)?.[START] === undefined) read(area);
}

// The text of a textarea, whoever holds it. As long as an editor is left alone, it is what Django put there.
export function read(area) {
  const editor = editorOf(area);
  if (!editor) return area.value;
  const now = textOf(editor);
  editor[START] ??= now;
  return editor[START] === now ? area.value : now;
}

export function write(area, text) {
  area.value = text;
  const editor = editorOf(area);
  if (!editor) return;
  if (editor.setData) editor.setData(text);
  else editor.setContent(text);
  editor[START] = textOf(editor);
}
