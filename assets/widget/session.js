// Coming back after the login was lost: the form must show what the new login expects, or Django refuses the save.
// Until it does, the page counts as signed out: a Save pressed a moment too early would only meet Django's 403.
// It must not know what is shown meanwhile (view.js), nor the socket: what it hears and says is handed in.

export class Session {
  #lost = false;
  #losses = 0; // a renewal that was begun before the latest loss says nothing

  // `check`: asks the proxy whether Django knows the person. `renew`: makes the form fit. `onBack`: it does.
  constructor({ check, renew, onBack }) {
    Object.assign(this, { check, renew, onBack });
  }

  // Was signed out, and is not known to be back.
  get lost() {
    return this.#lost;
  }

  // Every event of the connection. Said by Django through the proxy, or by the proxy itself.
  heard({ reason, frame }) {
    if (reason === 'signed_out' || frame?.signed_in === false) {
      this.#lost = true;
      this.#losses += 1;
    }
    if (!this.#lost) return;
    if (frame?.type === 'welcome') this.check();
    if (frame?.signed_in === true) this.#back(this.#losses);
  }

  async #back(losses) {
    // What does not come (the line broke again) is tried again when the person looks at the page the next time.
    const fit = await this.renew().catch(() => false);
    if (!fit || !this.#lost || losses !== this.#losses) return;
    this.#lost = false;
    this.onBack();
  }
}

// Django changes the CSRF token with every login (django.contrib.auth.login: rotate_token), so the one in the page
// is taken from the page as it is now. Nothing else of it is touched.
export async function renewCsrf({ document, location, fetch, DOMParser }) {
  const inputs = document.querySelectorAll('input[name="csrfmiddlewaretoken"]');
  if (inputs.length === 0) return true; // a site that asks for none
  const answer = await fetch(location.pathname + location.search, { credentials: 'same-origin' });
  if (!answer.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const token = page.querySelector('input[name="csrfmiddlewaretoken"]')?.value;
  if (!token) return false;
  for (const input of inputs) input.value = token;
  return true;
}
