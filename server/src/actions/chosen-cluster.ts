import type { Cluster, Clusters } from '../clusters/index.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import { FieldCheck, MAX_NAME } from './fields.ts';

/** The cluster that a field of the input names. */
export function chosenCluster(clusters: Clusters, field: 'cluster' | 'name', name: string): Outcome<Cluster> {
  const check = new FieldCheck();
  check.characters(field, name, MAX_NAME);
  if (check.refusals.length > 0) return { ok: false, refusals: check.refusals };
  const cluster = clusters.get(name);
  if (cluster !== null) return done(cluster);
  return refuse('NOT_FOUND', field, `There is no cluster ${JSON.stringify(name)} in clusters.yaml`);
}
