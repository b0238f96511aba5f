// Is this a dark page? Its text says so on every theme, whatever it calls its dark mode.

export function isLight(color) {
  const [a, b, c] = (color.match(/(?<![\w-])[\d.]+/g) ?? [0, 0, 0]).map(Number);
  if (/^okl/.test(color)) return a > 0.6;
  if (/^l/.test(color)) return a > 60;
  return (0.3 * a + 0.6 * b + 0.1 * c) * (color.startsWith('color') ? 255 : 1) > 140;
}

export const isDark = (element) => isLight(getComputedStyle(element ?? document.body).color);
