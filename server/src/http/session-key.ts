import type { ServerResponse } from 'node:http';

/** The header, and the name in a WebSocket's `connection_init`, in which a page sends its session's key. */
export const KEY_HEADER = 'x-slurmql-session';
export const KEY_PARAMETER = 'session';
/** Pages keep it in localStorage, which belongs to one origin and so to one port. The dashboard does it by itself. */
const STORED_AS = 'slurmql-session';
export const KEY_SCRIPT_PATH = '/session/key.js';

/** A URL of this server that gives the page the key: browsers never send the part after "#". */
export function withKey(address: string, key: string): string {
  return `${address.split('#', 1)[0]}#session=${key}`;
}

const TRIAL = `/graphql?query=${encodeURIComponent('{ viewer { name } }')}`;

/**
 * JavaScript for an async function: removes the key from the page's URL and defines `sessionKey`, the stored one. Any
 * page may link here with anything after "#": it replaces the stored key only after the server accepts it.
 */
export const TAKE_KEY = `const told = /^#session=([\\w-]+)$/.exec(location.hash)?.[1];
if (told !== undefined) {
  history.replaceState(history.state, '', location.pathname + location.search);
  const answer = await fetch('${TRIAL}', { headers: { '${KEY_HEADER}': told } }).catch(() => null);
  if (answer?.ok) localStorage.setItem('${STORED_AS}', told);
}
const sessionKey = localStorage.getItem('${STORED_AS}');
`;

/** On a page with a form "open": requests the page's own URL again, with the key. */
const OPEN_WITH_KEY = `(async () => {
${TAKE_KEY}
const form = document.getElementById('open');
if (form !== null && sessionKey !== null) {
  form.elements.key.value = sessionKey;
  document.querySelector('main').textContent = 'A moment …';
  // Earlier, a download would replace the page, which then never finishes loading.
  if (document.readyState !== 'complete') await new Promise((resolve) => addEventListener('load', resolve));
  form.submit();
}
})();
`;

export function sendKeyScript(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-cache' });
  response.end(OPEN_WITH_KEY);
}

/** The content of a page's form. */
export function isForm(contentType: string | undefined): boolean {
  return /^application\/x-www-form-urlencoded\b/.test(contentType ?? '');
}
