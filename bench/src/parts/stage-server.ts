import { SYSTEM } from '@slurmql/server/src/domain/actor.ts';
import { aJob } from '@slurmql/server/src/domain/testing.ts';
import { giveMemoryBack } from '@slurmql/server/src/heap.ts';
import { Stage } from '@slurmql/server/stage';
import { serveCommands } from './child.ts';

// The product's server on a database, without a cluster; its parent has it write events.
giveMemoryBack();
const [databaseFile] = process.argv.slice(2);
const stage = await Stage.open(databaseFile);
const jobs = Array.from({ length: 50 }, (_, index) =>
  aJob({ name: `train-${index}`, state: 'RUNNING', reason: null, command: 'python train.py --config base.yaml' }),
);
await stage.create(jobs);
let written = 0;

serveCommands({
  address: () => stage.address,
  /** Writes so many events, each in a transaction of its own, or `together` in one. Gives the last one's number. */
  write: async ({ events, together }: { events: number; together: number }) => {
    for (let begun = 0; begun < events; begun += together) {
      await stage.journal.write(SYSTEM, async (writer) => {
        for (let index = 0; index < together; index += 1) {
          written += 1;
          const job = jobs[written % jobs.length];
          if (job !== undefined) await writer.update(job.id, (now) => ({ ...now, reason: `${Date.now()} ${written}` }));
        }
      });
    }
    return stage.journal.newest;
  },
  newest: () => stage.journal.newest,
});
