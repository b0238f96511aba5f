// How a page goes away: by a save, by a link, or in some other way; and when it turns out that it stays.
// It must not know what follows from it, nor the lock. `on(target, type, work)`: as main.js listens.
import { unasked } from './reload.js';

const DOUBLE = 3_000; // what comes this soon after a submit is the same click
const LEAVING_FOR = 30_000; // a link that turned out to be a download did not take the page away

// `readsOnly()`: nothing here was typed by this person. `sends()`: the form is about to be sent. `forget()`: takes away
// what somebody else's typing has put into the form. `stays()`: all of it can be shown again.
export function watchLeaving({ window, on, form, dispatch, readsOnly, sends, forget, stays }) {
  const { location } = window;
  let stay = null;
  let sent = 0;

  const leaving = (by) => {
    clearTimeout(stay);
    stay = setTimeout(() => {
      dispatch({ type: 'staying' });
      stays();
    }, LEAVING_FOR);
    dispatch({ type: 'leaving', by });
  };
  // Last in line, so that a form which a script of the page held back is not taken for sent.
  on(window, 'submit', (event) => {
    if (event.target !== form || event.defaultPrevented) return;
    // A double click sends a form twice, and its second sending would be refused as late.
    if (Date.now() - sent < DOUBLE) return event.preventDefault();
    sent = Date.now();
    sends();
    leaving('save');
  });
  // Nobody who has only read along is asked whether to leave, by a script of the site that takes what it finds in the form
  // for this person's.
  on(window, 'click', (event) => {
    const link = event.target.closest?.('a[href]:not([download], [target])');
    if (!(link instanceof window.HTMLAnchorElement) || event.defaultPrevented) return;
    const elsewhere = link.protocol.startsWith('http') && link.href.split('#')[0] !== location.href.split('#')[0];
    if (elsewhere && readsOnly() && !(event.ctrlKey || event.metaKey || event.shiftKey)) forget();
  });
  on(window, 'beforeunload', (event) => {
    leaving('away');
    if (readsOnly()) unasked(event);
  });
}
