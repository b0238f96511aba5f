// What must not be missed, wherever the person is: the banner's words once more at the edge of the window while
// the banner itself is scrolled out of sight, and a word in the tab's title.
// It never takes the focus, stands at the edge away from it, and makes room below the page, so that no field is
// out of reach. It must not know what it says.
import { barAt } from './bars.js';
import { sheetOf, wear } from './style.js';

const ROOM = 96; // about its height on a narrow page
const SIDE = 12;
const SHEET = `:root { scroll-padding-block: ${ROOM}px } body { padding-block-end: ${ROOM}px !important }`;

export function atTheEdge(banner, bar, signal) {
  const self = { show, onaction: () => {} };
  bar.onaction = (id) => self.onaction(id);
  const sheet = sheetOf(SHEET);
  let wanted = null;
  let hidden = false; // the banner is out of sight
  let title = null; // the page's own, while ours stands before it

  const edge = () => {
    const focused = document.activeElement;
    const box = focused && focused !== document.body ? focused.getBoundingClientRect() : null;
    const low = box && box.bottom > innerHeight - ROOM && box.top > ROOM;
    // Conversations have the lower edge already.
    const at = low || document.querySelector('collab-chat[open]') ? 'top' : 'bottom';
    bar.setAttribute('edge', at);
    bar.style.setProperty('--lift', `${barAt(at, window)}px`);
    // As far to the sides as the banner: a theme may keep a menu beside it.
    const { left, right } = banner.getBoundingClientRect();
    bar.style.left = `${Math.max(left, SIDE)}px`;
    bar.style.right = `${Math.max(document.documentElement.clientWidth - right, SIDE)}px`;
  };
  const draw = () => {
    const shown = wanted !== null && hidden;
    if (shown) bar.show({ ...wanted, pinned: false, news: false });
    if (shown && bar.isConnected) edge();
    if (shown === bar.isConnected) return;
    wear(sheet, shown);
    if (!shown) return bar.remove();
    edge();
    document.body.append(bar);
  };

  const observer = new IntersectionObserver(([entry]) => {
    hidden = !entry.isIntersecting;
    draw();
  });
  observer.observe(banner);
  const follow = () => bar.isConnected && edge();
  document.addEventListener('focusin', follow, { signal });
  window.addEventListener('resize', follow, { signal });
  signal.addEventListener('abort', () => {
    observer.disconnect();
    show(null, '');
  });

  // `shown`: as the banner takes it, or null.
  function show(shown, prefix) {
    wanted = shown;
    draw();
    if (prefix) {
      title ??= document.title;
      document.title = `${prefix} · ${title}`;
    } else if (title !== null) {
      document.title = title;
      title = null;
    }
  }
  return self;
}
