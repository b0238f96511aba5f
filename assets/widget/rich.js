// Rich-text editors (CKEditor 4 and 5, TinyMCE) keep their text to themselves until the form is sent. Here it is read and
// set as if it stood in the textarea that the editor hides.
// It must not know forms, nor what is done with a text. Where an editor stands, `boxes` says (assets/themes.toml).

let boxes = '';
const LATE = 100; // an editor that is not there yet is looked for so often,
const TRIES = 100; // and no more than so many times
const starts = new WeakMap(); // editor -> { raw, text }: what Django or a draft put in, and what the editor makes of it
const waiting = new WeakMap(); // textarea -> the text that an editor which may still come has to show

export const setBoxes = (selector = '') => {
  boxes = selector;
};

// The box that an editor has put behind its textarea.
export function boxOf(area) {
  const next = boxes && area.nextElementSibling;
  return next && next.matches(boxes) ? next : null;
}

// What people see of a control.
export const placeOf = (control) => boxOf(control) ?? control.closest('.related-widget-wrapper, .selector') ?? control;

// The textarea of what stands in such a box.
export function areaOf(element) {
  const area = boxes && element?.closest?.(boxes)?.previousElementSibling;
  return area && area.matches('textarea') && editorOf(area) ? area : null;
}

// By where it stands, never by its id: rows of inlines are numbered anew, and their editors keep the old names.
function editorOf(area) {
  const box = boxOf(area);
  if (!box) return null;
  const five = [...box.querySelectorAll('[contenteditable]')].find((part) => part.ckeditorInstance)?.ckeditorInstance;
  const { CKEDITOR, tinymce } = window;
  // Before they are ready they give back what they were given.
  const stands = (editor) => (editor?.status === 'ready' ? editor.container.$ : editor?.initialized && editor.getContainer()) === box;
  return five ?? [Object.values(CKEDITOR?.instances ?? {}), tinymce?.get?.()].flat().find(stands) ?? null;
}

const textOf = (editor) => (editor.getData ? editor.getData() : editor.getContent());

function begin(editor, raw) {
  starts.set(editor, { raw, text: textOf(editor) });
}

// Before anything is typed in it.
export function meet(area) {
  const editor = area && editorOf(area);
  if (!editor || starts.has(editor)) return;
  begin(editor, area.value);
  follow(area);
}

// CKEditor 4 looks whether its textarea is read-only when it begins, and never again: one that began while somebody else
// edited would take nothing that is typed later.
export function follow(area) {
  const editor = editorOf(area);
  editor?.setReadOnly?.(area.matches('[readonly], [disabled]') || Boolean(editor.config.readOnly));
}

// The text of a textarea, whoever holds it. As long as an editor is left alone, it is what was put in: what the editor
// makes of that is never quite the same, and some write it into the textarea.
export function read(area) {
  const editor = editorOf(area);
  if (!editor) return area.value;
  if (waiting.has(area)) show(editor, area);
  meet(area);
  const { raw, text } = starts.get(editor);
  const now = textOf(editor);
  return text === now ? raw : now;
}

export function write(area, text) {
  area.value = text;
  if (!boxes || !area.matches('textarea')) return;
  const looking = waiting.has(area);
  waiting.set(area, text);
  const editor = editorOf(area);
  if (editor) show(editor, area);
  else if (!looking) lookOut(area, TRIES);
}

// It may be about to begin, and have read the textarea already.
function lookOut(area, tries) {
  setTimeout(() => {
    const editor = waiting.has(area) && editorOf(area);
    if (editor) show(editor, area);
    else if (waiting.has(area) && tries > 0) lookOut(area, tries - 1);
    else waiting.delete(area);
  }, LATE);
}

function show(editor, area) {
  const text = waiting.get(area);
  waiting.delete(area);
  // CKEditor 4 would write its frame's document anew, and lose what is typed until that is read. In its source mode it is
  // given the text as it stands.
  if (editor.loadSnapshot) editor.loadSnapshot(editor.mode === 'source' ? text : editor.dataProcessor.toHtml(text));
  else if (editor.setData) editor.setData(text);
  else editor.setContent(text);
  begin(editor, text);
}
