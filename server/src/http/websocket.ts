import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExecutionArgs } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { Authenticator } from '../auth/index.ts';
import type { User } from '../domain/user.ts';
import { isForeign } from './origin.ts';
import type { GraphQLServer } from './yoga.ts';

const MAX_MESSAGE_BYTES = 1024 * 1024;
const PING_INTERVAL_MS = 12_000;

type Extra = { viewer?: User };

/** graphql-transport-ws on the server's own port. */
export class WebSocketTransport {
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  readonly #dispose: () => Promise<void>;

  constructor(yoga: GraphQLServer, authenticator: Authenticator) {
    const { dispose } = useServer<Record<string, unknown>, Extra>(
      {
        // Not to clients: what went wrong inside is for the log.
        isProd: true,
        connectionInitWaitTimeout: 10_000,
        // A refusal closes the socket with 4403.
        onConnect: ({ connectionParams, extra }) => {
          const verdict = authenticator.authenticate({
            authorization: authorizationOf(connectionParams) ?? extra.request.headers.authorization,
            cookie: extra.request.headers.cookie,
          });
          if (verdict.kind === 'anonymous') return false;
          if (verdict.by === 'cookie' && isForeign(extra.request)) return false;
          extra.viewer = verdict.viewer;
          return true;
        },
        onSubscribe: async ({ extra }, _id, params) => {
          const enveloped = yoga.getEnveloped({ viewer: extra.viewer, params });
          const document = enveloped.parse(params.query);
          const errors = enveloped.validate(enveloped.schema, document);
          if (errors.length > 0) return errors;
          const args: EnvelopedArguments = {
            schema: enveloped.schema,
            document,
            operationName: params.operationName ?? null,
            variableValues: params.variables ?? null,
            contextValue: await enveloped.contextFactory(),
            rootValue: { execute: enveloped.execute, subscribe: enveloped.subscribe },
          };
          return args;
        },
        execute: (args) => (args as EnvelopedArguments).rootValue.execute(args),
        subscribe: (args) => (args as EnvelopedArguments).rootValue.subscribe(args),
      },
      this.#sockets,
      PING_INTERVAL_MS,
    );
    this.#dispose = async () => dispose();
  }

  /** How many sockets are open. */
  get size(): number {
    return this.#sockets.clients.size;
  }

  /** Takes over a socket whose client asked for the WebSocket protocol. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#sockets.handleUpgrade(request, socket, head, (client) => this.#sockets.emit('connection', client, request));
  }

  /** Tells clients that the server goes away, with a code (1001) on which they connect again. */
  async stop(): Promise<void> {
    await this.#dispose();
  }
}

/** Yoga's own steps travel with the operation that they were made for (Yoga's recipe for graphql-ws). */
interface EnvelopedArguments extends ExecutionArgs {
  readonly rootValue: Pick<ReturnType<GraphQLServer['getEnveloped']>, 'execute' | 'subscribe'>;
}

function authorizationOf(parameters: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const entry = Object.entries(parameters ?? {}).find(([name]) => name.toLowerCase() === 'authorization');
  return typeof entry?.[1] === 'string' ? entry[1] : undefined;
}
