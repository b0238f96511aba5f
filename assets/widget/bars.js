// What a theme keeps in place at the window's edges: nothing of ours may cover it, or be covered by it.
// It must not know what is put there.

const NEAR = 4; // so close to the edge a bar is looked for

// How far it reaches into the window from `edge`: 'top' or 'bottom'.
export function barAt(edge, { document, getComputedStyle }) {
  const { clientWidth: width, clientHeight: height } = document.documentElement; // without scroll bars
  const y = edge === 'top' ? NEAR : height - NEAR;
  const hits = [60, width / 2, width - 60].flatMap((x) => document.elementsFromPoint(x, y));
  return Math.max(0, ...[...new Set(hits)].map((hit) => {
    const bar = kept(hit, document, getComputedStyle);
    const box = bar?.getBoundingClientRect();
    if (!box || box.height > height / 3) return 0; // that high it is the page's side, or a cover over all of it
    return edge === 'top' ? box.bottom : height - box.top;
  }));
}

function kept(hit, document, getComputedStyle) {
  for (let element = hit; element && element !== document.body; element = element.parentElement) {
    if (element.localName.startsWith('collab-')) return null;
    if (/fixed|sticky/.test(getComputedStyle(element).position)) return element;
  }
  return null;
}
