// The widget's looks: the banner's own sheet, and how a read-only form is set apart.
// Colours are Django's CSS variables, so light, dark and a site's own palette follow; what a theme does not
// define falls back to a pair of our own (`dark` is set by banner.js from what the page really shows).
// It must not know states; a tone is all it hears.

export function sheetOf(css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}

// The page wears a sheet of ours, or no more.
export function wear(sheet, wanted) {
  const others = document.adoptedStyleSheets.filter((other) => other !== sheet);
  document.adoptedStyleSheets = wanted ? [...others, sheet] : others;
}

// What all elements of ours begin with (coloured.js). `.heard` is for screen readers only.
export const BASE_CSS = `
:host {
  --bg: var(--darkened-bg, #f8f8f8);
  --fg: var(--body-fg, #333);
  all: initial;
  display: block;
  flex: none;
  inline-size: calc(100% - 2 * var(--inset, 0px));
  /* A page's own reset of margins would win over a host's. */
  margin: 0 var(--inset, 0px) 16px !important;
  color: var(--fg);
  font: 400 13px/1.4 var(--font-family-primary, system-ui, "Segoe UI", Roboto, Arial, sans-serif);
  direction: inherit;
}
:host([dark]) { --bg: var(--darkened-bg, #212121); --fg: var(--body-fg, #eee); }
:host([hidden]), [hidden] { display: none !important; }
.heard { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media print { :host { display: none !important; } }
`;

export const BANNER_CSS = `
:host {
  --line: var(--border-color, #ccc);
  --mark: var(--body-quiet-color, #666);
  container-type: inline-size;
  line-height: 1.35;
}
:host([dark]) {
  --line: var(--border-color, #444);
  --mark: var(--body-quiet-color, #bbb);
}
:host([tone="editor"]) { --mark: #2e7d32; }
:host([tone="editor"][dark]) { --mark: #66bb6a; }
:host([tone="readonly"]), :host([tone="warning"]) {
  --bg: var(--message-warning-bg, #ffc);
  --mark: #8a6100;
  --line: #d9c36a;
}
:host([tone="readonly"][dark]), :host([tone="warning"][dark]) {
  --bg: var(--message-warning-bg, #583305);
  --mark: #ffcf70;
  --line: #8a5a1c;
}
/* Who has scrolled down must see why nothing can be changed. Below every bar that a theme keeps in place. */
:host([pinned]) { position: sticky; inset-block-start: var(--lift, 0px); z-index: 1; }
:host([tone="error"]) {
  --bg: var(--message-error-bg, #ffefef);
  --mark: var(--error-fg, #ba2121);
  --line: #e3a5a5;
}
:host([tone="error"][dark]) {
  --bg: var(--message-error-bg, #570808);
  --mark: #ff9d9d;
  --line: #8f2a2a;
}
.bar {
  box-sizing: border-box;
  display: flex;
  align-items: center;
  gap: 10px;
  min-block-size: 46px;
  padding: 4px 12px;
  background: var(--bg);
  border: 1px solid var(--line);
  border-inline-start: 3px solid var(--mark);
  border-radius: 4px;
}
/* At the window's edge while the bar itself is out of sight (edge.js). */
:host([edge]) { position: fixed; inset-block: auto calc(12px + var(--lift, 0px)); inset-inline: 12px; z-index: 1000; inline-size: auto; max-inline-size: 860px; margin: 0 auto !important; }
:host([edge="top"]) { inset-block: calc(12px + var(--lift, 0px)) auto; }
:host([edge]) .bar { min-block-size: 46px; box-shadow: 0 4px 16px rgba(0, 0, 0, .35); }
.icon { flex: none; inline-size: 16px; block-size: 16px; color: var(--mark); }
.icon path { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }
.text { flex: 1 1 auto; min-inline-size: 0; margin: 0; overflow-wrap: anywhere; user-select: text; }
.actions { display: flex; flex: none; flex-wrap: wrap; gap: 6px; }
.actions:empty { display: none; }
button {
  padding: 5px 12px;
  font: inherit;
  line-height: 20px;
  color: var(--fg);
  background: var(--body-bg, transparent);
  border: 1px solid var(--mark);
  border-radius: 4px;
  cursor: pointer;
}
button:hover { box-shadow: inset 0 0 0 1px var(--mark); }
button:focus-visible { outline: 2px solid var(--fg); outline-offset: 2px; }
.people { display: flex; flex: none; align-items: center; gap: 4px; margin-inline-start: auto; }
.faces { display: flex; align-items: center; gap: 4px; }
.who { position: relative; display: block; padding: 0; border: 0; border-radius: 50%; background: none; line-height: 0; }
.who:hover { box-shadow: none; }
.circle { display: block; position: relative; box-sizing: border-box; inline-size: 28px; block-size: 28px; overflow: hidden; border-radius: 50%; color: #fff; font-size: 11px; font-weight: 600; line-height: 28px; text-align: center; }
.circle img { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; object-fit: cover; }
.editing .circle { box-shadow: 0 0 0 2px var(--bg), 0 0 0 4px #2e7d32; margin: 4px; inline-size: 24px; block-size: 24px; line-height: 24px; }
:is(.idle, .away) .circle { opacity: .55; }
.who.dirty::after { content: ""; position: absolute; inset-block-end: 0; inset-inline-end: 0; inline-size: 9px; block-size: 9px; border-radius: 50%; background: #d39e00; box-shadow: 0 0 0 2px var(--bg); }
.unread:not(:empty) { position: absolute; inset-block-start: -5px; inset-inline-end: -5px; min-inline-size: 17px; box-sizing: border-box; padding: 0 4px; border-radius: 9px; background: #ba2121; color: #fff; font-size: 10px; font-weight: 600; line-height: 17px; text-align: center; }
.tip { position: absolute; inset-block-start: calc(100% + 6px); inset-inline-end: 0; z-index: 2; inline-size: max-content; max-inline-size: 240px; padding: 4px 8px; border-radius: 4px; background: #222; color: #fff; font-size: 12px; line-height: 1.35; visibility: hidden; pointer-events: none; }
.who:is(:hover, :focus-visible) .tip { visibility: visible; }
.more { position: relative; }
summary { padding: 4px 6px; border-radius: 4px; cursor: pointer; list-style: none; font-weight: 600; }
summary::-webkit-details-marker { display: none; }
summary:focus-visible { outline: 2px solid var(--fg); }
.panel { position: absolute; inset-block-start: calc(100% + 4px); inset-inline-end: 0; z-index: 2; display: flex; flex-direction: column; gap: 2px; inline-size: max-content; max-inline-size: 300px; max-block-size: 50vh; overflow-y: auto; padding: 8px; background: var(--body-bg, Canvas); border: 1px solid var(--line); border-radius: 4px; box-shadow: 0 4px 12px rgba(0, 0, 0, .25); }
.panel .entry { display: flex; gap: 8px; justify-content: space-between; border: 0; text-align: start; }
.panel .unread { position: static; }
.none { margin: 0; color: var(--mark); }
/* As high as it ever gets with the texts that it has most of the time, so that nothing below it moves; place.css too. */
@container (max-width: 800px) { .bar { min-block-size: 64px; } }
@container (max-width: 560px) {
  .bar { display: grid; grid-template: auto auto / auto 1fr auto; align-content: center; min-block-size: 86px; padding: 6px 10px; gap: 4px 8px; }
  .people { margin: 0; }
  .actions { grid-area: 2 / 2 / 2 / 4; }
  button { padding-inline: 8px; }
}
@container (max-width: 420px) { .bar { min-block-size: 104px; } }
@media (forced-colors: active) { button { border-color: ButtonText; } }
`;

export const NOTICE_CSS = `
:host { --soft: #5c5c5c; }
:host([dark]) { --soft: #bbb; }
.box { box-sizing: border-box; padding: 10px 12px; background: var(--bg); border: 1px solid #d39e00; border-inline-start-width: 3px; border-radius: 4px; }
p { margin: 0 0 8px; overflow-wrap: anywhere; }
.actions { display: flex; flex-wrap: wrap; gap: 6px; }
.rows { max-block-size: 40vh; overflow-y: auto; }
.rows:not(:empty) { margin-block-end: 10px; }
.row { display: grid; grid-template-columns: minmax(7rem, 1fr) repeat(auto-fit, minmax(9rem, 2fr)); gap: 4px 16px; padding-block: 6px; border-block-start: 1px solid var(--hairline-color, #8884); }
.row div { min-inline-size: 0; }
.row b, .row span { overflow-wrap: anywhere; white-space: pre-wrap; }
small { display: block; font-size: 11px; color: var(--soft); }
button {
  padding: 5px 12px; font: inherit; line-height: 20px; color: var(--fg);
  background: var(--body-bg, transparent); border: 1px solid var(--border-color, currentColor); border-radius: 4px; cursor: pointer;
}
button:hover { border-color: var(--fg); }
button:focus-visible { outline: 2px solid var(--fg); outline-offset: 2px; }
@media (max-width: 560px) { .row { grid-template-columns: 1fr 1fr; } .row b { grid-column: 1 / -1; } }
`;

// Fields that were filled in by a button, or that show what the editor is typing: none of it is saved.
export const FILLED_CSS = '[data-collab-live] { outline: 2px dashed #2e7d32 !important; outline-offset: 2px; } [data-collab-here] { outline: 4px solid rgba(46, 125, 50, .45) !important; outline-offset: 1px; } [data-collab-live][data-collab-here] { outline: 4px dashed rgba(46, 125, 50, .7) !important; } '
  + '[data-collab-filled] { outline: 2px solid #d39e00 !important; outline-offset: 2px; } '
  // Django's rows for small screens cut off what stands out (admin/css/responsive.css).
  + '@media (max-width: 767px) { :is([data-collab-live], [data-collab-here], [data-collab-filled]):not([type=checkbox], [type=radio]) { outline-offset: -3px; } }';

// A read-only form stays readable: only what can be typed into loses its field's background, and what cannot
// be used fades. `blocked` is the configuration's selector list.
export const readOnlyCss = (blocked, outside) => `
:root { scroll-padding-block-start: 64px; }
form[data-collab-readonly] :is(input:not([type=checkbox], [type=radio], [type=file], [type=submit], [type=button], [type=image]), textarea, select):is([readonly], [disabled]) {
  background-color: var(--darkened-bg, rgba(128, 128, 128, .12)) !important;
  color: var(--body-fg, inherit) !important;
  box-shadow: none !important;
  opacity: 1 !important;
}
form[data-collab-readonly] :is(input:not([type=checkbox], [type=radio], [type=file], [type=submit], [type=button], [type=image]), textarea, select:not([multiple])):is([readonly], [disabled]) { border-style: dashed !important; }
[data-collab-off] { opacity: .4 !important; cursor: default !important; }
${blocked ? `form[data-collab-readonly] :is(${blocked}) { opacity: .4; cursor: default !important; }` : ''}
${outside ? `:is(${outside}) { opacity: .4; cursor: default !important; }` : ''}
`;
