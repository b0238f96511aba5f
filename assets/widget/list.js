// The change list's entry: shows who edits which row, and keeps those rows from being changed meanwhile.
// Whatever goes wrong here leaves the list as plain Django; the proxy guards every row all the same.
// It must not know what a row looks like (list_rows.js) nor a badge (list_badge.js).
import { Connection } from './connection.js';
import { Badge } from './list_badge.js';
import { Rows } from './list_rows.js';

function start(config) {
  customElements.define('collab-badge', Badge);
  const rows = new Rows(document, config, config.texts);
  let whole = true; // the first word after a welcome is the whole state
  const connection = new Connection({
    url: location.origin.replace(/^http/, 'ws') + config.socket,
    token: config.token,
    more: { rows: config.rows.map(([pk]) => pk) },
    WebSocket,
    setTimeout: setTimeout.bind(window),
    clearTimeout: clearTimeout.bind(window),
    random: Math.random,
    onEvent: (event) => guarded(() => {
      if (event.frame?.type === 'welcome') whole = true;
      if (event.frame?.type === 'list_status') {
        rows.show(event.frame.rows, whole);
        whole = false;
      }
      // What is shown must be true: a page that hears nothing any more cannot say who edits.
      if (event.type === 'ended' || (event.type === 'connection' && event.tries > 2)) rows.show({}, true);
    }),
  });

  const guarded = (work) => {
    try {
      work();
    } catch (error) {
      connection.leave();
      rows.release();
      console.error('collab-proxy: the list\'s widget stopped; rows are still checked by the server.', error);
    }
  };

  // Browsers remember what was disabled; it must not come back so.
  window.addEventListener('pagehide', () => guarded(() => {
    connection.leave();
    rows.show({}, true);
  }));
  window.addEventListener('pageshow', ({ persisted }) => guarded(() => (persisted ? connection.start() : connection.hurry())));
  window.addEventListener('online', () => guarded(() => connection.renew()));
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && connection.hurry());
  connection.start();
}

try {
  const element = document.getElementById('collab-list-config');
  if (element && !customElements.get('collab-badge')) {
    const config = JSON.parse(element.textContent);
    if (config.rows.length > 0) start(config);
  }
} catch (error) {
  console.error('collab-proxy: the list\'s widget did not start; rows are still checked by the server.', error);
}
