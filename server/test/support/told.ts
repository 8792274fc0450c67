import type { Workbench } from './jobs.ts';

/** All that a client is told of a job's state and of where it comes from. */
export interface Told {
  readonly state: string;
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly reason: string | null;
  readonly attempt: number;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly evidence: { readonly source: string; readonly word: string | null; readonly seenAt: string } | null;
  readonly attempts: readonly {
    readonly number: number;
    readonly outcome: string | null;
    readonly exitCode: number | null;
    readonly signal: number | null;
    readonly startedAt: string | null;
    readonly endedAt: string | null;
    readonly nodeList: string | null;
  }[];
}

export const TOLD = `state exitCode signal reason attempt startedAt endedAt
  evidence { source word seenAt }
  attempts { number outcome exitCode signal startedAt endedAt nodeList }`;

export async function told(bench: Workbench, id: string): Promise<Told> {
  const { job } = await bench.server.query<{ job: Told }>(`query ($id: ID!) { job(id: $id) { ${TOLD} } }`, { id });
  return job;
}

/** The states that a job has been in, one after the other. */
export async function timeline(bench: Workbench, id: string): Promise<readonly string[]> {
  const { job } = await bench.server.query<{ job: { events: { nodes: { kind: string; state: string }[] } } }>(
    'query ($id: ID!) { job(id: $id) { events(first: 100) { nodes { kind state } } } }',
    { id },
  );
  return job.events.nodes.flatMap(({ kind, state }) => (kind === 'UPDATED' ? [] : [state]));
}
