import {
  type AnyVariables,
  type Client,
  cacheExchange,
  createClient,
  type Exchange,
  fetchExchange,
  mapExchange,
  type TypedDocumentNode,
} from '@urql/core';
import { createContext, useContext } from 'solid-js';
import { isUnauthenticated } from './errors.ts';
import { sessionHeaders } from './session-key.ts';
import { createSocket, type Socket } from './socket.ts';

/** The two ways to the server: requests by HTTP, and streams over one WebSocket. */
export interface Api {
  readonly client: Client;
  /** By HTTP too, and it keeps no answer: what a page asks for of each job, or each part of a log, would stay for ever. */
  readonly uncached: Client;
  readonly socket: Socket;
}

/** The browser adds the session's cookie by itself, both ways add its key; `onUnauthenticated` hears when the server no longer takes it. */
export function createApi(onUnauthenticated: () => void): Api {
  const noticeExchange = mapExchange({
    onError: (error) => {
      if (isUnauthenticated(error)) onUnauthenticated();
    },
  });
  const createWith = (...caches: readonly Exchange[]): Client =>
    createClient({
      url: '/graphql',
      preferGetMethod: false,
      fetchOptions: () => ({ credentials: 'same-origin', headers: sessionHeaders() }),
      exchanges: [...caches, noticeExchange, fetchExchange],
    });
  const socketUrl = new URL('/graphql', location.href);
  socketUrl.protocol = socketUrl.protocol === 'https:' ? 'wss:' : 'ws:';
  return {
    client: createWith(cacheExchange),
    uncached: createWith(),
    socket: createSocket(socketUrl.href, onUnauthenticated),
  };
}

export const ApiContext = createContext<Api>();

export function useApi(): Api {
  const api = useContext(ApiContext);
  if (api === undefined) throw new Error('useApi() needs an ApiContext around it');
  return api;
}

/** The server's answer of this moment, past every cache; throws a CombinedError if any part of it failed. */
export async function ask<Result, Variables extends AnyVariables>(
  { uncached }: Pick<Api, 'uncached'>,
  document: TypedDocumentNode<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const { data, error } = await uncached.query(document, variables, { requestPolicy: 'network-only' }).toPromise();
  if (error !== undefined) throw error;
  if (data === undefined) throw new Error('The server returned neither data nor an error.');
  return data;
}
