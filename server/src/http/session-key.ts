import type { ServerResponse } from 'node:http';

/** The header, and the name in a WebSocket's `connection_init`, with which a page shows its session's key. */
export const KEY_HEADER = 'x-slurmql-session';
export const KEY_PARAMETER = 'session';
/** Pages keep it in localStorage, which belongs to one origin and so to one port. The dashboard does it by itself. */
const STORED_AS = 'slurmql-session';
export const KEY_SCRIPT_PATH = '/session/key.js';

/** An address at this server that gives the page the key: browsers send nobody what stands behind "#". */
export function withKey(address: string, key: string): string {
  return `${address.split('#', 1)[0]}#session=${key}`;
}

const TRIAL = `/graphql?query=${encodeURIComponent('{ viewer { name } }')}`;

/**
 * JavaScript for an async function: takes the key out of the page's address and defines `sessionKey`, the one that is kept.
 * Any page may lead here with anything behind "#": it is kept in the place of another only once the server takes it.
 */
export const TAKE_KEY = `const told = /^#session=([\\w-]+)$/.exec(location.hash)?.[1];
if (told !== undefined) {
  history.replaceState(history.state, '', location.pathname + location.search);
  const answer = await fetch('${TRIAL}', { headers: { '${KEY_HEADER}': told } }).catch(() => null);
  if (answer?.ok) localStorage.setItem('${STORED_AS}', told);
}
const sessionKey = localStorage.getItem('${STORED_AS}');
`;

/** On a page with a form "open": asks for the page's own address once more, with the key. */
const OPEN_WITH_KEY = `(async () => {
${TAKE_KEY}
const form = document.getElementById('open');
if (form !== null && sessionKey !== null) {
  form.elements.key.value = sessionKey;
  document.querySelector('main').textContent = 'A moment …';
  // Before, it would take the place of the page, which then never ends loading where a download comes.
  if (document.readyState !== 'complete') await new Promise((resolve) => addEventListener('load', resolve));
  form.submit();
}
})();
`;

export function sendKeyScript(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-cache' });
  response.end(OPEN_WITH_KEY);
}

/** What a page's form sends. */
export function isForm(contentType: string | undefined): boolean {
  return /^application\/x-www-form-urlencoded\b/.test(contentType ?? '');
}
