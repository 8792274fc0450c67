/** A host as it is written in addresses, without what may be added to one. */
const HOST = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
/** The name of an account. What is longer or of other characters may be a token. */
const ACCOUNT = /^[a-z_][a-z0-9_.-]{0,31}$/i;
/** How the tokens of those who host git begin, of clouds, and signed ones (JWT). */
const TOKEN_PREFIX =
  /(?:^|[^a-z0-9])(?:gh[a-z]_|github_pat_|gl[a-z]{2,10}-|hf_|at[a-z]tt3|atb[a-z]|npm_|pypi-|sk-|xox[a-z]-|akia|asia|apka|eyj|bearer|dop_v1_|figd_|shp[a-z]{2}_)/i;
/** What stands before a secret in a path. */
const SECRET_NEXT = /^(?:.*[^a-z])?(?:token|secret|passwd|password|pat|api-?key|oauth2?|credentials?)$/i;
/** As nobody names a repository: a number of base 16, 36 or 64, a UUID. */
const RANDOM =
  /(?=[a-z]{0,19}\d)(?=\d{0,19}[a-z])[a-z0-9]{20}|\d{16}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
const PLAIN = /^[\p{L}\p{N}_.~+ -]*$/u;
const MASK = '…';
const LONGEST = 2000;

/**
 * A remote's address without anything that may be a password or token; null where that can't be told from the rest.
 * What is shown is put together from the parts that are known to be harmless: scheme, host, port, path.
 */
export function publicAddress(address: string): string | null {
  if (address === '' || address.length > LONGEST || /[\p{C}\\]/u.test(address)) return null;
  const url = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)/i.exec(address);
  if (url !== null) return publicUrl(url[1] ?? '', url[2] ?? '', url[3] ?? '', address);
  // Whoever it is handed to (ext::, a helper's) may read it in any way.
  if (address.includes('::')) return null;
  const [host = '', path] = splitOnce(address, ':');
  // A path of this machine, which `host:path` would be without the colon (man git-fetch, GIT URLS).
  if (path === undefined || host.includes('/')) return address.includes('@') ? null : publicPath(address);
  // With what comes before the last @ may be a password, which can hold anything.
  if (path.includes('@')) return null;
  const shown = publicHost(host, true);
  const rest = publicPath(withoutQuery(path));
  return shown === null ? null : `${shown}:${rest}`;
}

/** What git says, without what may be secret in the addresses in it. */
export function withPublicAddresses(text: string): string {
  // Of a longer scheme the end is enough, whatever it begins with: what isn't an address is masked.
  return text.replaceAll(/[a-z0-9+.-]{1,31}:\/\/[^\s'"]+/gi, (address) => publicAddress(address) ?? MASK);
}

function publicUrl(scheme: string, authority: string, path: string, address: string): string | null {
  // A password with a slash or question mark that isn't encoded would be taken for host and path.
  if (address.lastIndexOf('@') > scheme.length + 3 + authority.length) return null;
  if (authority === '' && scheme.toLowerCase() !== 'file') return null;
  const host = authority === '' ? '' : publicHost(authority, /ssh/i.test(scheme));
  return host === null ? null : `${scheme}://${host}${publicPath(path)}`;
}

/** `hasAccount`: whether it says who logs in, with a key or a password that is asked for. */
function publicHost(authority: string, hasAccount: boolean): string | null {
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  if (!HOST.test(host) || TOKEN_PREFIX.test(host) || RANDOM.test(host)) return null;
  const [account = ''] = authority.slice(0, Math.max(0, at)).split(':');
  const isShown = hasAccount && ACCOUNT.test(account) && !mayBeSecret(account);
  return isShown ? `${account}@${host}` : host;
}

function publicPath(path: string): string {
  let isSecret = false;
  return path
    .split('/')
    .map((segment) => {
      const isMasked = isSecret || mayBeSecret(segment);
      isSecret = SECRET_NEXT.test(segment);
      return isMasked && segment !== '' ? MASK : segment;
    })
    .join('/');
}

/** A part of an address that nobody would give to a directory, as it is or decoded. */
function mayBeSecret(part: string): boolean {
  try {
    const name = decodeURIComponent(part);
    return !PLAIN.test(name) || TOKEN_PREFIX.test(name) || RANDOM.test(name);
  } catch {
    return true;
  }
}

function withoutQuery(path: string): string {
  return path.split(/[?#]/, 1)[0] ?? '';
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
