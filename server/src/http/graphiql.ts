import { hash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Worker } from 'node:worker_threads';
import { AnswerBody, sendAnswer } from './compression.ts';
import type { GraphiQLParts } from './graphiql-worker.ts';
import { sendError } from './respond.ts';
import { PAGE_REFERRER_POLICY } from './security-headers.ts';
import { KEY_HEADER, KEY_PARAMETER, TAKE_KEY } from './session-key.ts';

/** Below the endpoint, so that a proxy or the development server forwards both. */
const ASSETS = '/graphql/assets/';

/** Monaco writes its styles into the page and brings its icons as data: addresses. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

interface Asset {
  readonly type: string;
  readonly body: AnswerBody;
}

interface Assets {
  readonly byPath: ReadonlyMap<string, Asset>;
  readonly page: AnswerBody;
}

/** GraphiQL, served only from here: a small page, and large files that browsers cache while they are unchanged. */
export class GraphiQL {
  /** Built when it is first opened. */
  #assets: Promise<Assets> | null = null;

  isAsset(path: string): boolean {
    return path.startsWith(ASSETS);
  }

  async sendPage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { page } = await this.#load();
    const headers = {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'referrer-policy': PAGE_REFERRER_POLICY,
      'cache-control': 'no-store',
    };
    await sendAnswer(request, response, 200, headers, page);
  }

  async sendAsset(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asset = (await this.#load()).byPath.get(path);
    if (asset === undefined) return sendError(response, 404, 'NOT_FOUND', 'GraphiQL has no such file (any more)');
    const headers = {
      'content-type': asset.type,
      // A worker has the policy of its script, not of its page.
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'cache-control': 'public, max-age=31536000, immutable',
    };
    await sendAnswer(request, response, 200, headers, asset.body);
  }

  #load(): Promise<Assets> {
    this.#assets ??= load().catch((cause: unknown) => {
      this.#assets = null;
      throw cause;
    });
    return this.#assets;
  }
}

async function load(): Promise<Assets> {
  const { css, js, workers } = await readParts();
  const byPath = new Map<string, Asset>();
  /** Its URL, which changes with its content. */
  const keep = (name: string, type: string, content: Uint8Array): string => {
    const [stem = '', extension = ''] = name.split('.');
    const path = `${ASSETS}${stem}-${hash('sha256', content, 'base64url').slice(0, 16)}.${extension}`;
    const { buffer, byteOffset, byteLength } = content;
    byPath.set(path, { type, body: new AnswerBody(Buffer.from(buffer, byteOffset, byteLength)) });
    return path;
  };
  const script = (name: string, content: Uint8Array) => keep(name, 'text/javascript; charset=utf-8', content);
  const workerPaths = Object.fromEntries(
    Object.entries(workers).map(([label, content]) => [label, script(`${label}.js`, content)]),
  );
  const before = `self.MonacoEnvironment={globalAPI:false,getWorkerUrl:(_,label)=>(${JSON.stringify(workerPaths)})[label]};\n`;
  const options = `{title:'SlurmQL',subscriptionsProtocol:'WS',...(sessionKey!==null&&{additionalHeaders:{'${KEY_HEADER}':sessionKey},connectionParams:{${KEY_PARAMETER}:sessionKey}})}`;
  const after = `\n;(async()=>{${TAKE_KEY}YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'),${options});})();\n`;
  const style = keep('graphiql.css', 'text/css; charset=utf-8', css);
  const main = script('graphiql.js', Buffer.concat([Buffer.from(before), js, Buffer.from(after)]));
  return { byPath, page: new AnswerBody(Buffer.from(pageOf(style, main))) };
}

function pageOf(style: string, script: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>SlurmQL</title>
    <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="${style}" />
  </head>
  <body class="no-focus-outline">
    <noscript>GraphiQL needs JavaScript.</noscript>
    <div id="root"></div>
    <script src="${script}"></script>
  </body>
</html>
`;
}

/** In a thread of its own, whose memory is freed when it ends. */
async function readParts(): Promise<GraphiQLParts> {
  // In a build, both files are in one directory, too.
  const extension = import.meta.url.endsWith('.js') ? 'js' : 'ts';
  const worker = new Worker(new URL(`./graphiql-worker.${extension}`, import.meta.url));
  const [parts] = await once(worker, 'message');
  return parts as GraphiQLParts;
}
