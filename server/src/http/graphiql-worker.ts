import { parentPort } from 'node:worker_threads';
import { css, editorWorkerService, graphqlWorker, js, jsonWorker } from '@graphql-yoga/render-graphiql/graphiql';

/** The parts of GraphiQL as bytes, for graphiql.ts: loading the module takes tens of megabytes. */
export interface GraphiQLParts {
  readonly css: Uint8Array;
  readonly js: Uint8Array;
  /** Monaco's workers, by their labels. */
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
