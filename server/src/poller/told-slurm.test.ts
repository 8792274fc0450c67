import { testFaults } from '../../test/releases/faults-contract.ts';
import { testJobs } from '../../test/releases/jobs-contract.ts';
import { labelOf } from '../../test/releases/scene.ts';
import { NO_RESOURCES } from '../domain/testing.ts';
import { SlurmUnavailable } from '../slurm/index.ts';
import { parseAccounting } from '../slurm/parse/accounting.ts';
import { parseQueue } from '../slurm/parse/queue.ts';
import { everyJob, fixture } from '../slurm/testing.ts';
import { SshUnavailable } from '../ssh/index.ts';
import { ToldSlurm } from './testing.ts';

// The fake of these tests keeps to what every Slurm does, as far as the poller asks it.

const slurm = new ToldSlurm();
const queue = parseQueue(fixture('releases/26.05/queue.txt'), undefined, true);
slurm.observations = queue.observations;
slurm.shared = queue.shared;
slurm.accounts = parseAccounting(fixture('releases/26.05/accounting.txt'), undefined, true, true).accounts;
const numbers = new Map(
  everyJob(queue).map((seen) => [labelOf(seen) ?? '', seen.slurmJobId.split('_')[0] ?? ''] as const),
);

const request = {
  ...{ slurmName: 'held', workDir: '/home/ada/slurmql/jobs/01K00000000000000000000042', partition: null },
  ...{ dependsOn: [], isSingleton: false, extraOptions: [], components: [], resources: NO_RESOURCES },
};
slurm.unbegun.set(request.workDir, false);

const stage = {
  slurm,
  numbers,
  stopController: async () => {
    slurm.fault = new SlurmUnavailable('Unable to contact slurm controller (connect failure)');
  },
  disconnect: async () => {
    slurm.fault = new SshUnavailable('there is no connection');
  },
};

testJobs(() => stage);
testFaults(
  () => stage,
  ['queue', 'accounting', 'records', 'control'],
  async () => request,
);
