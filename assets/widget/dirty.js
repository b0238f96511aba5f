// Has the person changed anything? Compares the form with how it stood just before they first touched the
// page: scripts (filtered select boxes, rich-text editors) rearrange a form after it loads, and that is no
// work of anybody. Also tells when the person is active, and (`onLook`) after everything that may have changed a
// value. `watch` gives `flush`, which looks at once, for when
// something is about to be decided by the answer, and `begin`, for who is about to fill something in.
// It must not know what follows from the answer, nor the socket.
import { all, controlsOf, within } from './form.js';
import { areaOf, meet, read } from './rich.js';
import { isLeft, isRight } from './values.js';

const THROTTLE = 400;
const TOUCHES = ['pointerdown', 'keydown', 'beforeinput', 'paste', 'drop'];
const CHANGES = ['input', 'change', 'click', 'keyup', 'drop', 'paste'];
const OURS = new Set(['_collab', 'csrfmiddlewaretoken']);

// `FormData` would miss disabled controls and fire an event that pages listen to.
export function snapshot(form) {
  const values = [];
  for (const control of controlsOf(form)) {
    if (control.name && !OURS.has(control.name)) values.push(...valueOf(control).map((value) => [control.name, value]));
  }
  return JSON.stringify(values);
}

function valueOf(control) {
  switch (control.type) {
    case 'submit': case 'button': case 'reset': case 'image': case 'fieldset': return [];
    case 'checkbox': case 'radio': return control.checked ? [control.value] : [];
    case 'file': return [...control.files].map(({ name, size, lastModified }) => [name, size, lastModified]);
    case 'select-multiple': {
      // Django's filter_horizontal marks its choice only on submit: what counts is what stands in the box.
      if (isLeft(control)) return [];
      return [...control.options].filter((option) => isRight(control) || option.selected).map((option) => option.value).sort();
    }
    default: return [read(control)];
  }
}

// Text that differs from the HTML before anybody touched the page was restored by the browser: it is work.
function restored(form) {
  return [...controlsOf(form)].some((control) =>
    control.matches('textarea, input[type="text"], input:not([type])') && control.value !== control.defaultValue
    && !control.matches('[readonly], [disabled]'));
}

export function watch(form, { window, frozen, onDirty, onActive, onLook, signal }) {
  const options = { capture: true, signal };
  let before = snapshot(form);
  let touched = false;
  let timer = null;
  let sticky = restored(form); // work that no comparison with the start can see
  let dirty = false;

  const check = () => {
    timer = null;
    if (frozen()) return; // what was typed before the form became read-only stays typed
    const now = sticky || snapshot(form) !== before;
    if (now !== dirty) onDirty(dirty = now);
    onLook?.();
  };
  const soon = () => { timer ??= window.setTimeout(check, THROTTLE); };
  const flush = () => {
    if (timer === null) return;
    window.clearTimeout(timer);
    check();
  };
  const settle = () => { if (!touched && !frozen()) before = snapshot(form); };

  window.addEventListener('load', settle, { signal });
  const touch = (event, frame) => {
    meet(areaOf(frame ?? event.target)); // an editor that came late is seen before its first letter
    // What a read-only form shows of somebody else's typing is no start to compare with.
    if (!event.isTrusted || touched || frozen()) return;
    // What was filled in without a touch is work already.
    flush();
    if (!dirty) settle();
    touched = true;
  };
  for (const type of TOUCHES) window.addEventListener(type, (event) => touch(event), options);

  const changed = (event) => {
    const path = event.composedPath();
    if (path.includes(form) || path[0]?.form === form) {
      if (event.isTrusted && event.type === 'input') {
        // The text of an editor that nobody here knows reaches its form control only on submit.
        sticky ||= path[0].isContentEditable === true && !areaOf(path[0]);
        onActive();
      }
      soon();
    } else if (touched && event.type !== 'keyup') {
      soon(); // calendars and other pop-ups that stand outside the form
    }
  };
  for (const type of CHANGES) window.addEventListener(type, changed, options);
  // Values set from a pop-up window fire jQuery's events only, but bring the focus back.
  window.addEventListener('focus', soon, options);
  watchFrames(form, window, signal, touch, (frame) => {
    sticky ||= !areaOf(frame);
    onActive();
    soon();
  });
  if (sticky) soon();
  // `begin`: what is in the form now is how it stood; what follows is work, also without a touch.
  return {
    flush,
    begin: () => {
      if (!touched && !dirty) settle();
      touched = true;
    },
  };
}

// Typing inside an editor's frame is heard in that frame only.
function watchFrames(form, window, signal, touch, typed) {
  const heard = new WeakSet();
  const listen = () => {
    for (const frame of all(form, 'iframe')) {
      meet(areaOf(frame));
      const inner = within(frame);
      frame.addEventListener('load', listen, { signal }); // some write their document anew
      if (!inner?.documentElement || heard.has(inner.documentElement)) continue;
      heard.add(inner.documentElement);
      for (const type of TOUCHES) inner.addEventListener(type, (event) => touch(event, frame), { capture: true, signal });
      inner.addEventListener('input', () => typed(frame), { capture: true, signal });
    }
  };
  const observer = new MutationObserver(listen);
  observer.observe(form, { childList: true, subtree: true });
  // The focus goes into a frame with nothing said but that it has left the page.
  window.addEventListener('blur', listen, { signal });
  signal.addEventListener('abort', () => observer.disconnect());
  listen();
}
