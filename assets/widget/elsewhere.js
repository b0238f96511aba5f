// Text that was typed into another form of the page: it is as dear to its author, and no draft of ours holds it.
// Search boxes and filters do not count: their forms only ask.
// It must not know what follows.

export function watchElsewhere(form, { window, signal }) {
  let typed = false;
  window.addEventListener('input', (event) => {
    const [target] = event.composedPath();
    const other = target?.form ?? target?.closest?.('form');
    if (event.isTrusted && other && other !== form && other.method === 'post') typed = true;
  }, { capture: true, signal });
  return { typed: () => typed };
}
