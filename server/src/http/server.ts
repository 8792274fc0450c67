import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Authenticator } from '../auth/index.ts';
import { logAddress, Operations, type Services } from '../graphql/index.ts';
import { BoundedLog } from '../telemetry/index.ts';
import { Attempts } from './attempts.ts';
import { BodyTooLarge, BodyTooSlow, ClientLeft, readBody } from './body.ts';
import { ClientAddresses } from './client-address.ts';
import { AnswerBody, sendAnswer } from './compression.ts';
import { Connections, MOST_NEWCOMERS, NEWCOMER_MS } from './connections.ts';
import { AllowedOrigins, addCorsHeaders, answerPreflight } from './cors.ts';
import { Door, keyOfForm, SIGN_IN_BODY } from './door.ts';
import { GraphiQL } from './graphiql.ts';
import { BODY_MS, GraphQLRequests } from './graphql-requests.ts';
import { listen } from './listen.ts';
import { LogDownloads } from './log-download.ts';
import { MAX_STREAMS, OpenStreams } from './open-streams.ts';
import { isData, pathOf, routeOf } from './paths.ts';
import { answerNoRequest, refuseUpgrade } from './raw-answer.ts';
import { RequestBytes, TooManyRequests } from './request-bytes.ts';
import { TooManyValues } from './request-json.ts';
import { onlyReads, sendError, sendExcess, sendJson } from './respond.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import { endSession, openSession, openSessionFromAddress } from './session.ts';
import { KEY_SCRIPT_PATH, sendKeyScript } from './session-key.ts';
import { wantsPage } from './sign-in-page.ts';
import { type StaticFiles, staticFiles } from './static-files.ts';
import { WebSocketTransport } from './websocket.ts';

const SERVER_OPTIONS: ServerOptions = {
  headersTimeout: NEWCOMER_MS,
  requestTimeout: BODY_MS + NEWCOMER_MS,
  connectionsCheckingInterval: 1_000,
  // Handled below, like any other request.
  requireHostHeader: false,
  // Some clients offer HTTP/2 this way, and get an answer in HTTP/1.1.
  shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
};
/** After this time, connections that are still busy are closed. */
const DRAIN_MS = 2000;
/** Limits log lines about failed requests. */
const FAULT_LINES_A_MINUTE = 20;

export interface HttpOptions {
  readonly services: Services;
  readonly authenticator: Authenticator;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** The built dashboard. */
  readonly webDirectory: string;
  /** Origins whose pages may use a token here; "*": all. */
  readonly allowedOrigins: readonly string[];
  /** Addresses and subnets of trusted reverse proxies. */
  readonly trustedProxies: readonly string[];
  /** The parts that readiness depends on, by name. */
  readiness(): Promise<Readonly<Record<string, boolean>>>;
}

/** All HTTP and WebSocket traffic, on one port. */
export class HttpServer {
  readonly #options: HttpOptions;
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #attempts: Attempts;
  readonly #door: Door;
  readonly #streams: OpenStreams;
  readonly #graphql: GraphQLRequests;
  readonly #webSocket: WebSocketTransport;
  readonly #logs: LogDownloads;
  readonly #files: StaticFiles;
  readonly #origins: AllowedOrigins;
  readonly #graphiql = new GraphiQL();
  readonly #faults: BoundedLog;
  readonly #requestBytes = new RequestBytes();
  readonly #stopping = new AbortController();

  constructor(options: HttpOptions) {
    this.#options = options;
    const { services, authenticator } = options;
    const { log, metrics } = services;
    this.#faults = new BoundedLog(log, FAULT_LINES_A_MINUTE);
    const addresses = new ClientAddresses(options.trustedProxies);
    const connections = new Connections(addresses, log, metrics);
    this.#connections = connections;
    const attempts = new Attempts(authenticator, addresses, log, metrics);
    this.#attempts = attempts;
    const operations = new Operations(services);
    const streams = new OpenStreams(authenticator);
    const origins = new AllowedOrigins(options.allowedOrigins);
    this.#origins = origins;
    this.#door = new Door({ authenticator, attempts, origins, connections });
    this.#streams = streams;
    this.#webSocket = new WebSocketTransport({
      operations,
      authenticator,
      attempts,
      streams,
      origins,
      connections,
      requestBytes: this.#requestBytes,
      log,
    });
    this.#graphql = new GraphQLRequests({
      operations,
      door: this.#door,
      connections,
      streams,
      requestBytes: this.#requestBytes,
      version: () => services.store.version,
      stopping: this.#stopping.signal,
      log,
    });
    this.#logs = new LogDownloads(services, streams);
    this.#files = staticFiles(options.webDirectory);
    this.#server = createServer(SERVER_OPTIONS, (request, response) => void this.#respond(request, response));
    this.#server.on('checkExpectation', (request, response) => void this.#respond(request, response));
    this.#server.on('clientError', answerNoRequest);
    this.#server.maxConnections = MAX_STREAMS + MOST_NEWCOMERS;
    this.#server.on('connection', (socket: Socket) => connections.add(socket));
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      if (!connections.admitUpgrade(socket)) return;
      if (pathOf(request) === '/graphql') this.#webSocket.upgrade(request, socket, head);
      else refuseUpgrade(socket, '404 Not Found');
    });
    metrics.gauge('slurmql_websocket_connections', 'Open WebSocket connections.', () => this.#webSocket.size);
    metrics.gauge(
      'slurmql_request_bytes',
      'Bytes of requests that are still to be answered.',
      () => this.#requestBytes.size,
    );
    metrics.gauge('slurmql_streams', 'Connections that carry subscriptions or logs.', () => streams.size);
  }

  /** Resolves to the address once it listens. Throws ListenError. */
  async start(): Promise<string> {
    const { host, port } = this.#options;
    const address = await listen(this.#server, host, port);
    this.#streams.start();
    this.#connections.start();
    return address;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#stopping.abort();
    this.#streams.stop();
    this.#connections.stop();
    const cut = setTimeout(() => {
      this.#webSocket.cut();
      this.#connections.reset();
    }, DRAIN_MS);
    this.#server.closeIdleConnections();
    await this.#webSocket.stop();
    await closed;
    clearTimeout(cut);
  }

  /** Aborts all requests in progress. */
  abandon(): void {
    this.#connections.reset();
  }

  /** Never throws: errors are logged, and answered if that is still possible. */
  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#connections.admit(request, response)) return;
    this.#measure(request, response);
    // Otherwise, what goes wrong with one answer would end the process.
    response.on('error', (cause) => {
      this.#faults.error({ err: cause }, 'An answer could not be sent');
      response.destroy();
    });
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    try {
      await this.#route(request, response);
    } catch (cause) {
      if (cause instanceof ClientLeft) return;
      if (cause instanceof TooManyRequests) {
        response.setHeader('connection', 'close');
        return sendExcess(response, cause.excess);
      }
      if (cause instanceof TooManyValues) return sendError(response, 400, 'LIMIT_EXCEEDED', cause.message);
      if (cause instanceof BodyTooLarge || cause instanceof BodyTooSlow) {
        response.setHeader('connection', 'close');
        if (cause instanceof BodyTooSlow)
          sendError(response, 408, 'REQUEST_TIMEOUT', 'The body of the request did not arrive in time. Try again');
        else sendError(response, 413, 'PAYLOAD_TOO_LARGE', `This request may have at most ${cause.maxBytes} bytes`);
        return;
      }
      this.#faults.error({ err: cause }, 'A request failed');
      if (!response.headersSent) sendError(response, 500, 'INTERNAL_SERVER_ERROR', 'The request failed');
      else response.destroy();
    }
  }

  /** Also for refused requests; not for streams, which last as long as their clients. */
  #measure(request: IncomingMessage, response: ServerResponse): void {
    const startedAt = performance.now();
    response.once('finish', () => {
      if (/^text\/event-stream/.test(String(response.getHeader('content-type')))) return;
      const labels = { route: routeOf(pathOf(request)), code: String(response.statusCode) };
      this.#options.services.metrics.requestSeconds.observe(labels, (performance.now() - startedAt) / 1000);
    });
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authenticator, services } = this.#options;
    const who = { authenticator, attempts: this.#attempts };
    const path = pathOf(request);
    const { host, expect } = request.headers;
    if (host === undefined && request.httpVersion === '1.1') {
      return sendError(response, 400, 'BAD_REQUEST', 'Host: name the server (RFC 9112, 3.2)');
    }
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
      return sendError(response, 417, 'BAD_REQUEST', 'Expect: only 100-continue is supported');
    }
    if (isData(path)) {
      addCorsHeaders(request, response, this.#origins);
      if (answerPreflight(request, response, this.#origins)) return;
    }
    switch (routeOf(path)) {
      case '/graphql': {
        const isPage = wantsPage(request);
        if (isPage) {
          if (openSessionFromAddress(request, response, who)) return;
          if (this.#door.admitsPage(request, response)) await this.#graphiql.sendPage(request, response);
          return;
        }
        return this.#graphql.answer(request, response);
      }
      case '/session':
        if (request.method === 'DELETE') {
          await endSession(request, response, authenticator, services.log);
          this.#streams.check();
          return;
        }
        if (request.method !== 'POST') {
          response.setHeader('allow', 'POST, DELETE');
          sendError(response, 405, 'METHOD_NOT_ALLOWED', 'A session is opened with POST and ended with DELETE');
          return;
        }
        return openSession(await readBody(request, SIGN_IN_BODY), request, response, who);
      case '/healthz':
        if (onlyReads(request, response, 'The health')) sendJson(response, 200, { status: 'ok' });
        return;
      case '/readyz':
        if (onlyReads(request, response, 'The readiness')) await this.#readiness(request, response);
        return;
      case '/metrics': {
        const key = await keyOfForm(request);
        if (this.#door.authorize(request, response, key) === null) return;
        if (key === undefined && !onlyReads(request, response, 'A metric')) return;
        const { registry } = services.metrics;
        const headers = { 'content-type': registry.contentType, 'cache-control': 'no-store' };
        await sendAnswer(request, response, 200, headers, new AnswerBody(Buffer.from(await registry.metrics())));
        return;
      }
      case '/jobs/*.log': {
        const key = await keyOfForm(request);
        const verdict = this.#door.authorize(request, response, key);
        if (verdict === null) return;
        if (key !== undefined) request.method = 'GET';
        const address = logAddress(path);
        if (address !== null) await this.#logs.answer(address, request, response, verdict);
        return;
      }
      case 'files':
        if (!onlyReads(request, response, 'A file')) return;
        if (path === KEY_SCRIPT_PATH) return sendKeyScript(response);
        if (this.#graphiql.isAsset(path)) return this.#graphiql.sendAsset(path, request, response);
        if (openSessionFromAddress(request, response, who)) return;
        this.#files(request, response);
    }
  }

  async #readiness(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const checks = await this.#options.readiness();
    const isReady = Object.values(checks).every(Boolean);
    const mayKnow = this.#door.isOpenTo(request);
    const status = isReady ? 'ready' : 'not ready';
    sendJson(response, isReady ? 200 : 503, mayKnow ? { status, checks } : { status });
  }
}
