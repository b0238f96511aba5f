// How conversations look: Django's colours, as the banner's. At the end of the line at the window's lower edge, above
// whatever a theme keeps there (`--lift`, set by talking.js), and over the whole width only on a phone.

export const CHAT_CSS = `
:host {
  --bg: var(--body-bg, #fff); --line: var(--border-color, #ccc); --soft: #666;
  --head: var(--darkened-bg, #f3f3f3); --own: #fff6cc; --link: #37617a;
  position: fixed; inline-size: auto; margin: 0 !important; inset-block-end: var(--lift, 0px); inset-inline-end: 16px; z-index: 1001;
}
:host([dark]) {
  --bg: var(--body-bg, #1c1c1c); --line: var(--border-color, #444); --soft: #bbb;
  --head: var(--darkened-bg, #2b2b2b); --own: #40391a; --link: #81c3e6;
}
.row { display: flex; flex-direction: row-reverse; align-items: end; gap: 8px; max-inline-size: calc(100vw - 32px); overflow-x: auto; }
.window { display: flex; flex-direction: column; inline-size: 280px; max-block-size: var(--free, none); flex: none; background: var(--bg); border: 1px solid var(--line); border-block-end: 0; border-radius: 6px 6px 0 0; box-shadow: 0 2px 12px rgba(0, 0, 0, .25); }
.window[minimised] { inline-size: 210px; }
.top { display: flex; background: var(--head); border-radius: 6px 6px 0 0; }
button { font: inherit; color: inherit; background: none; border: 0; cursor: pointer; }
.head { display: flex; flex: 1; align-items: center; gap: 8px; min-inline-size: 0; padding: 8px 4px 8px 10px; text-align: start; }
.close { padding: 4px 12px; font-size: 18px; line-height: 1; }
.face { flex: none; inline-size: 22px; block-size: 22px; border-radius: 50%; color: #fff; font-size: 10px; font-weight: 600; line-height: 22px; text-align: center; }
.name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 600; }
.dot { flex: none; inline-size: 9px; block-size: 9px; box-sizing: border-box; border: 2px solid var(--soft); border-radius: 50%; }
.dot.on { background: #2e7d32; border-color: #2e7d32; }
.count:not(:empty) { margin-inline-start: auto; padding: 0 7px; border-radius: 9px; background: #ba2121; color: #fff; font-size: 11px; font-weight: 600; line-height: 18px; }
.body { display: flex; flex-direction: column; min-block-size: 0; }
.log { flex: 0 1 min(260px, 40vh); overflow-y: auto; padding: 8px 10px; border-block: 1px solid var(--line); }
.empty, .away:not(:empty) { margin: 8px 0; padding-inline: 10px; color: var(--soft); text-align: center; }
.away { margin: 0; }
.line { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: end; gap: 2px 8px; max-inline-size: 85%; inline-size: fit-content; margin-block: 0 6px; padding: 5px 9px; background: var(--head); border-radius: 8px; }
.line.mine { margin-inline-start: auto; background: var(--own); }
.said { flex: 1 1 auto; overflow-wrap: anywhere; white-space: pre-wrap; user-select: text; }
.said a { color: var(--link); }
small { color: var(--soft); font-size: 11px; }
.again { padding: 0; color: var(--link); text-decoration: underline; font-size: 11px; }
.foot { display: flex; gap: 6px; padding: 8px; }
textarea { flex: 1; min-inline-size: 0; min-block-size: 34px; max-block-size: 100px; box-sizing: border-box; padding: 6px 8px; field-sizing: content; resize: none; font: inherit; color: var(--fg); background: var(--bg); border: 1px solid var(--line); border-radius: 4px; }
.send { padding: 5px 10px; border: 1px solid var(--line); border-radius: 4px; }
button:disabled { opacity: .5; cursor: default; }
:is(button, textarea, .log, a):focus-visible { outline: 2px solid var(--fg); outline-offset: -2px; }
@media (max-width: 560px) {
  :host { inset-inline: 0; }
  .row { max-inline-size: none; gap: 4px; padding-inline: 8px; }
  .window:not([minimised]) { inline-size: 100%; }
  .window[minimised] { inline-size: 170px; }
  .log { flex-basis: 28vh; }
}
@media (forced-colors: active) { .dot.on { background: Highlight; } }
`;
