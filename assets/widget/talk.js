// Conversations, loaded only once there is somebody to talk to: most pages are open before one person alone.
// It must not know what a conversation is (chats.js, talking.js).
import { Chat } from './chat.js';
import { talking } from './talking.js';

export function start({ window, signal, ...more }) {
  if (!window.customElements.get('collab-chat')) window.customElements.define('collab-chat', Chat);
  const element = window.document.createElement('collab-chat');
  window.document.body.append(element);
  signal.addEventListener('abort', () => element.remove());
  return talking({ element, window, ...more });
}
