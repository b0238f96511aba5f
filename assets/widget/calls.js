// How somebody is called who looks elsewhere: a note on the desktop, where they have allowed it, and two soft tones, where
// the site wants them. It must not know why they are called.

const TONES = [[0, 660], [0.16, 880]]; // seconds, hertz
const LENGTH = 0.35;
const VOLUME = 0.08;

// May the person be asked for the desktop? Only a secure page can be allowed it, and a "no" holds for good.
// Phones have permissions, and nothing that a page itself may do with them.
export const mayAsk = ({ isSecureContext, navigator, Notification }) =>
  isSecureContext === true && navigator.userAgentData?.mobile !== true && Notification?.permission === 'default';

export const ask = ({ Notification }) => Notification.requestPermission();

export function note({ document, Notification }, body, tag) {
  if (document.visibilityState !== 'hidden' || Notification?.permission !== 'granted') return;
  try {
    new Notification(document.title, { body, tag });
  } catch {
    // A browser that wants a service worker for it. What is in the page says the same.
  }
}

// Browsers let only a page sound that somebody has used, and complain in the console of any other.
export function chime({ AudioContext, navigator }) {
  if (!AudioContext || navigator.userActivation?.hasBeenActive !== true) return;
  const audio = new AudioContext();
  const tones = TONES.map(([at, frequency]) => {
    const start = audio.currentTime + at;
    const volume = new GainNode(audio, { gain: 0 });
    volume.gain.linearRampToValueAtTime(VOLUME, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + LENGTH);
    const tone = new OscillatorNode(audio, { frequency });
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + LENGTH);
    return tone;
  });
  tones.at(-1).addEventListener('ended', () => audio.close());
}
