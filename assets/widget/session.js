// Coming back after the login was lost: the form must show what the new login expects, or Django refuses the save.
// It must not know when that is (main.js).

// Django changes the CSRF token with every login (django.contrib.auth.login: rotate_token), so the one in the page
// is taken from the page as it is now. Nothing else of it is touched.
export async function renewCsrf({ document, location, fetch, DOMParser }) {
  const answer = await fetch(location.pathname + location.search, { credentials: 'same-origin' });
  if (!answer.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const token = page.querySelector('input[name="csrfmiddlewaretoken"]')?.value;
  if (!token) return false;
  for (const input of document.querySelectorAll('input[name="csrfmiddlewaretoken"]')) input.value = token;
  return true;
}
