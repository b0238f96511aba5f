// The page's WebSocket: joins, comes back by itself without limit, leaves politely.
// It must not know what frames mean nor what is shown. WebSocket, timers and randomness are handed in, so
// that tests drive it without waiting.
import { decode, encode } from './protocol.js';

// The longest wait before each try, in seconds; the real one is anything below it, so that a thousand pages
// do not come back to a restarted proxy in the same instant. For the first minute they are short: a lock is kept for no
// more than lock.grace for whoever went away.
export const STEPS = [0.2, 1, 2, ...Array(40).fill(3), 15];
const PATIENCE = 10_000; // a socket that got no welcome by then is not going to
const SILENT = 3; // so many signs of life may be missing; then nobody is there, though the socket looks open
const SETTLED = 5_000; // a socket that lived this long was a good one: the next wait starts small again
const TOO_FAST = 2; // the step to go on from when the proxy found us too fast

const OPEN = 1; // WebSocket.OPEN

// Close codes after which trying again cannot help (docs/protocol.md).
export const FINAL = new Map([[4400, 'token'], [4401, 'signed_out'], [4403, 'token'], [4409, 'duplicate']]);

export class Connection {
  #socket = null;
  #joined = false;
  #tries = 0;
  #retry = null;
  #patience = null;
  #silent; // a proxy of another version does not say how often it is to be heard
  #settled = null;
  #active = false;

  constructor({ url, token, more = {}, WebSocket, setTimeout, clearTimeout, random, onEvent }) {
    Object.assign(this, { url, token, more, WebSocket, setTimeout, clearTimeout, random, onEvent });
  }

  // Also for coming back from the back-forward cache and after `ended`.
  start() {
    this.#active = true;
    this.#tries = 0;
    this.#open();
  }

  // The network or the person is back: no need to sit out the wait.
  hurry() {
    if (this.#retry !== null) this.#open();
  }

  // The network went away and came back: the old socket may look open for minutes and be dead.
  renew() {
    if (this.#active) this.#open();
  }

  // False: it is not on its way. A socket that is closing takes what it is given and drops it, with a word in the console.
  send(type, fields) {
    if (!this.#joined || this.#socket.readyState > OPEN) return false;
    this.#socket.send(encode(type, fields));
    return true;
  }

  // Going away on purpose: the proxy need not wait for us to come back.
  leave() {
    this.#active = false;
    this.send('leave');
    this.#drop();
  }

  #open() {
    this.#drop();
    let socket;
    try {
      socket = new this.WebSocket(this.url);
    } catch {
      this.#later(); // a policy of the site forbids it; the form must stay usable
      return;
    }
    this.#socket = socket;
    this.onEvent({ type: 'connection', link: 'connecting', tries: this.#tries });
    this.#patience = this.setTimeout(() => this.#lost(socket, 0), PATIENCE);
    socket.onopen = () => socket.send(encode('join', { token: this.token, ...this.more }));
    socket.onmessage = ({ data }) => this.#heard(socket, data);
    socket.onclose = ({ code }) => this.#lost(socket, code);
  }

  #heard(socket, data) {
    const frame = decode(data);
    if (frame === null) return;
    if (frame.type === 'welcome') {
      this.#joined = true;
      this.page = frame.page_id;
      this.#silent = SILENT * frame.alive;
      this.#settled = this.setTimeout(() => { this.#tries = 0; }, SETTLED);
      this.onEvent({ type: 'connection', link: 'open', tries: 0 });
    }
    if (this.#joined) {
      // Timers of a hidden tab run late, which makes no difference: what was heard meanwhile has begun the wait anew.
      this.clearTimeout(this.#patience);
      if (this.#silent) this.#patience = this.setTimeout(() => this.#lost(socket, 1012), this.#silent);
    }
    this.onEvent({ type: 'frame', frame });
  }

  #lost(socket, code) {
    if (socket !== this.#socket) return;
    this.#drop();
    if (FINAL.has(code)) {
      this.#active = false;
      this.onEvent({ type: 'ended', reason: FINAL.get(code) });
      return;
    }
    this.#tries = Math.max(this.#tries, code === 4429 ? TOO_FAST : code === 1012 ? 1 : 0);
    this.#later();
  }

  #later() {
    const most = STEPS[Math.min(this.#tries, STEPS.length - 1)];
    this.#tries += 1;
    this.#retry = this.setTimeout(() => this.#open(), this.random() * most * 1000);
    this.onEvent({ type: 'connection', link: 'waiting', tries: this.#tries });
  }

  // Forgets the socket and every timer; what an old socket still says is not heard.
  #drop() {
    for (const timer of [this.#retry, this.#patience, this.#settled]) this.clearTimeout(timer);
    const socket = this.#socket;
    this.#retry = this.#socket = null;
    this.#joined = false;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }
}
