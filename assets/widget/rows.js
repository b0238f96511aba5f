// The page of a list's POST that met the login page or a 403 (assets/pages/rows.html): once the person has signed in,
// on another tab, its forms must show what the new login expects. Everything on the page works without it; Django then
// says 403 once more, and all is given back again.
import { renewCsrf } from './session.js';

const renew = () => renewCsrf(window).catch(() => {});
renew();
window.addEventListener('focus', renew);
