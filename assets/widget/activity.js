// What the person of this page is doing: here, not touching anything for a while, or looking at something else.
// Told when it changes. It must not know who hears of it.

const IDLE = 2 * 60_000;
const SIGNS = ['pointermove', 'pointerdown', 'keydown', 'wheel', 'touchstart', 'focus'];

export function watchActivity({ window, signal, tell }) {
  let now = null;
  let timer = null;
  const say = (activity) => {
    if (activity !== now) tell(now = activity);
  };
  const here = () => {
    if (window.document.visibilityState === 'hidden') return;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => say('idle'), IDLE);
    say('here');
  };
  const look = () => {
    if (window.document.visibilityState !== 'hidden') return here();
    window.clearTimeout(timer);
    say('away');
  };
  for (const type of SIGNS) window.addEventListener(type, here, { capture: true, passive: true, signal });
  window.document.addEventListener('visibilitychange', look, { signal });
  signal.addEventListener('abort', () => window.clearTimeout(timer));
  look();
  // What a new line has to be told.
  return () => now;
}
