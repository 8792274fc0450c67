import { parentPort } from 'node:worker_threads';
import { css, editorWorkerService, graphqlWorker, js, jsonWorker } from '@graphql-yoga/render-graphiql/graphiql';

/** What graphiql.ts is given: GraphiQL's parts as bytes, whose module alone takes tens of megabytes while it is loaded. */
export interface GraphiQLParts {
  readonly css: Uint8Array;
  readonly js: Uint8Array;
  /** Monaco's workers by the label under which it asks for them. */
  readonly workers: Readonly<Record<string, Uint8Array>>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const parts: GraphiQLParts = {
  css: bytes(css),
  js: bytes(js),
  workers: {
    editorWorkerService: bytes(editorWorkerService),
    json: bytes(jsonWorker),
    graphql: bytes(graphqlWorker),
  },
};
const memory = [parts.css, parts.js, ...Object.values(parts.workers)].map(({ buffer }) => buffer as ArrayBuffer);
parentPort?.postMessage(parts, memory);
