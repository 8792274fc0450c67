import type { Cluster } from '../clusters/index.ts';
import type { Actor } from '../domain/actor.ts';
import { notAllowedTo } from '../domain/policy.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import { chosenCluster } from './chosen-cluster.ts';
import type { ActionContext } from './context.ts';
import { FieldCheck, MAX_NAME } from './fields.ts';

export interface LoginAnswers {
  /** The cluster's name. */
  readonly cluster: string;
  readonly promptId: string;
  /** Secrets: no message may quote them. */
  readonly answers: readonly string[];
}

/** More than any password or code; the packet that carries it has a bound of its own. */
const LONGEST_ANSWER = 1_000;

/** Gives a person's answers to what a cluster's login asks. Whether they were right is told by the cluster's status. */
export function answerLogin(
  { clusters }: Pick<ActionContext, 'clusters'>,
  actor: Actor,
  { cluster: name, promptId, answers }: LoginAnswers,
): Outcome<Cluster> {
  const refused = notAllowedTo(actor, 'CONNECT_CLUSTERS');
  if (refused !== null) return refused;
  const check = new FieldCheck();
  check.characters('promptId', promptId, MAX_NAME);
  check.entries('answers', answers);
  if (check.refusals.length > 0) return { ok: false, refusals: check.refusals };
  const tooLong = answers.findIndex((answer) => answer.length > LONGEST_ANSWER);
  if (tooLong !== -1) {
    return refuse('INVALID_INPUT', 'answers', `Answer ${tooLong + 1} is longer than ${LONGEST_ANSWER} characters`);
  }
  const chosen = chosenCluster(clusters, 'cluster', name);
  if (!chosen.ok) return chosen;
  const cluster = chosen.value;
  switch (cluster.answerLogin(promptId, answers)) {
    case 'taken':
      return done(cluster);
    case 'stale':
      return refuse(
        'WRONG_STATE',
        'promptId',
        'This prompt is no longer open: it was answered, the login ended, or it never existed. Answer the one that loginPrompt ' +
          'shows now; if there is none, connectCluster starts a new login',
      );
    case 'miscounted':
      return refuse(
        'INVALID_INPUT',
        'answers',
        `Give ${cluster.loginPrompt?.prompts.length} answers, one per prompt and in the same order: ${answers.length} were given`,
      );
  }
}
