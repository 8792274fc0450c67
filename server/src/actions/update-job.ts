import { isDeepStrictEqual } from 'node:util';
import type { Actor } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import { faultInJobName } from '../slurm/index.ts';
import type { ActionContext } from './context.ts';
import { FieldCheck, MAX_NAME } from './fields.ts';
import { forOneJob, writeEach } from './many-jobs.ts';
import { MAX_DESCRIPTION } from './submit-job-sizes.ts';
import { checkTagSizes, checkTags, eachOnce } from './tags.ts';

/** What is undefined stays as it is. */
export interface UpdateJob {
  readonly id: string;
  readonly name?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
}

/**
 * Changes what users say of a job, whatever its state; never what ran. Slurm isn't asked: it keeps the name under which
 * the job was submitted. The tasks of an array have its words.
 */
export async function updateJob({ journal }: ActionContext, actor: Actor, input: UpdateJob): Promise<Outcome<Job>> {
  return forOneJob(actor, input.id, async (unique) => {
    const outcomes = new Map<string, Outcome<Job>>();
    const refusals = check(input);
    if (refusals.length > 0) return outcomes.set(input.id, { ok: false, refusals });
    await writeEach(journal, actor, unique, async (writer, id) => {
      const before = await writer.jobs.get(id);
      if (before === null) return 1;
      if (before.arrayParentId !== null) {
        const message = `${before.name} is a task: it has the name, the description and the tags of its array. Change those of the array`;
        outcomes.set(id, refuse('WRONG_STATE', 'id', message));
        return 1;
      }
      const words = wordsOf(before, input);
      if (isDeepStrictEqual({ ...before, ...words }, before)) {
        outcomes.set(id, done(before));
        return 1;
      }
      outcomes.set(id, done(await writer.update(id, (current) => ({ ...current, ...words }), { request: 'UPDATE' })));
      return 1;
    });
    return outcomes;
  });
}

function check({ name, description = null, tags }: UpdateJob) {
  const fields = new FieldCheck();
  fields.characters('name', name ?? null, MAX_NAME);
  fields.bytes('description', description, MAX_DESCRIPTION);
  checkTagSizes(fields, tags ?? []);
  if (fields.refusals.length > 0) return fields.refusals;
  if (name === null) fields.fault('name', 'is null: write a name, or leave it out to keep the old one');
  fields.line('name', name ?? null);
  const fault = faultInJobName(name ?? '');
  if (fault !== null) fields.fault('name', fault);
  fields.lines('description', description);
  checkTags(fields, tags ?? []);
  return fields.refusals;
}

/** An empty description is none. */
function wordsOf(before: Job, { name, description, tags }: UpdateJob): Pick<Job, 'name' | 'description' | 'tags'> {
  return {
    name: name ?? before.name,
    description: description === undefined ? before.description : description || null,
    tags: tags === undefined ? before.tags : eachOnce(tags ?? []),
  };
}
