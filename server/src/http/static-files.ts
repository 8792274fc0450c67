import { hash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, posix, sep } from 'node:path';
import { acceptedCoding, type Coding, writeWhole } from './compression.ts';
import { pathOf } from './paths.ts';
import { PAGE_REFERRER_POLICY, SECURITY_HEADERS } from './security-headers.ts';

/** The dashboard loads nothing from other sites and runs only its own script files. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

/** Far more than a build has. Keeps a wrong directory from filling the memory. */
export const MOST_BUILT_BYTES = 32 * 1024 ** 2;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};
const OTHER_TYPE = 'application/octet-stream';

/** Created by the build, beside each file that compression makes smaller. */
const ENDINGS: Readonly<Record<Coding, string>> = { br: '.br', gzip: '.gz' };

interface Form {
  readonly coding: Coding | null;
  readonly body: Buffer;
  readonly tag: string;
}

interface BuiltFile {
  readonly type: string;
  readonly cacheControl: string;
  readonly plain: Form;
  readonly compressed: ReadonlyMap<Coding, Form>;
}

export type StaticFiles = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * The built dashboard; a path that is no file belongs to the application. It is read once and sent from memory: no
 * request opens a file, and a new build doesn't change files that belong together.
 */
export function staticFiles(directory: string): StaticFiles {
  const files = readBuild(directory);
  const page = files.get('/index.html');
  if (page === undefined) {
    return (_request, response) => {
      response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8' });
      response.end('The dashboard has not been built. Run: npm run build, and start the server again\n');
    };
  }
  return (request, response) => {
    const path = pathOf(request);
    const file = files.get(path) ?? (isFileName(path) ? undefined : page);
    if (file === undefined) sendNotFound(response);
    else send(file, request, response);
  };
}

function send(
  { type, cacheControl, plain, compressed }: BuiltFile,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { 'accept-encoding': accepted, 'if-none-match': held = '' } = request.headers;
  const coding = acceptedCoding(accepted);
  const form = (coding === null ? undefined : compressed.get(coding)) ?? plain;
  // "Not modified" has to say of what, and what else it depends on (RFC 9110, section 15.4.5), and browsers put its
  // headers in the place of those that they hold.
  const headers = {
    etag: form.tag,
    vary: 'Accept-Encoding',
    'cache-control': cacheControl,
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'referrer-policy': PAGE_REFERRER_POLICY,
  };
  // A proxy that compresses makes a tag weak.
  if (held.split(',').some((tag) => tag.trim().replace(/^W\//, '') === form.tag)) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, {
    ...headers,
    'content-type': type,
    'content-length': form.body.length,
    ...(form.coding !== null && { 'content-encoding': form.coding }),
  });
  writeWhole(response, form.body);
}

function sendNotFound(response: ServerResponse): void {
  response.writeHead(404, { ...SECURITY_HEADERS, 'content-type': 'text/plain; charset=utf-8' });
  response.end('Not found\n');
}

/** No page of the application has a dot in the last part of its path. */
function isFileName(path: string): boolean {
  return posix.extname(path.slice(path.lastIndexOf('/'))) !== '';
}

/** By path. Empty: there is no build, or it can't be read completely. */
function readBuild(directory: string): ReadonlyMap<string, BuiltFile> {
  const contents = new Map<string, Buffer>();
  try {
    let room = MOST_BUILT_BYTES;
    for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
      const file = join(directory, name);
      const status = statSync(file);
      if (!status.isFile()) continue;
      room -= status.size;
      if (room < 0) return new Map();
      contents.set(`/${name.replaceAll(sep, '/')}`, readFileSync(file));
    }
  } catch {
    return new Map();
  }
  const originals = [...contents].filter(([path]) => !Object.values(ENDINGS).includes(extname(path)));
  return new Map(originals.map(([path, content]) => [path, builtFile(path, content, contents)]));
}

function builtFile(path: string, content: Buffer, contents: ReadonlyMap<string, Buffer>): BuiltFile {
  const compressed = new Map<Coding, Form>();
  for (const [coding, ending] of Object.entries(ENDINGS) as readonly [Coding, string][]) {
    const body = contents.get(`${path}${ending}`);
    if (body !== undefined) compressed.set(coding, formOf(coding, body));
  }
  return {
    type: TYPES[extname(path)] ?? OTHER_TYPE,
    // Names under assets/ change with their content.
    cacheControl: path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    plain: formOf(null, content),
    compressed,
  };
}

function formOf(coding: Coding | null, body: Buffer): Form {
  return { coding, body, tag: `"${hash('sha256', body, 'base64url').slice(0, 16)}"` };
}
