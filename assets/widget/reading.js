// Where somebody was on a page, so that a page that loads itself again loses nobody's place: how far they had scrolled,
// and which sections they had open. It must not know why it is loaded again (reload.js).

const SECTIONS = 'details, fieldset.collapse'; // Django 5.1 and newer, and older ones (collapse.js)
const SOON = 10_000; // later the person has come back by themselves

const sections = (document) => [...document.querySelectorAll(SECTIONS)];
const isOpen = (section) => (section.matches('details') ? section.open : !section.classList.contains('collapsed'));

export const place = ({ document, scrollY }) => ({ scrollY, open: sections(document).map(isOpen) });

function toggle(section) {
  if (section.matches('details')) section.open = !section.open;
  else section.querySelector('.collapse-toggle')?.click();
}

// `last`: what was remembered. Only at the top of a page that is as long as it was: whoever has scrolled is elsewhere.
export function restore(window, last, now) {
  if (!last || now - last.at >= SOON) return;
  const there = sections(window.document);
  const open = last.open ?? [];
  // Another number of sections: it is another page by now.
  if (there.length === open.length) there.forEach((section, i) => isOpen(section) !== open[i] && toggle(section));
  if (last.scrollY > 0 && window.scrollY === 0) window.scrollTo(0, last.scrollY);
}
