import { describe, expect, it } from 'vitest';
import { turnsDuring } from '../store/testing.ts';
import { SlurmAdapter } from './adapter.ts';
import { asAsked } from './testing.ts';

const OWNER = '01K00000000000000000000042';
const DIRECTORY = `/w/jobs/${OWNER}`;

function account(id: string): string {
  const [times, run] = [
    ['1700000000', '1700000000', '1700000100'],
    ['n1', 'gpu', 'cpu=1', '10', 'job'],
  ];
  return [id, 'FAILED', '1:0', ...times, ...run, DIRECTORY, `sbatch ${DIRECTORY}/job.sh`]
    .map((field) => `${field}\x1frecorded`)
    .join('');
}

function node(index: number, { partitions = 'gpu', gres = '', features = '' } = {}): string {
  return `NodeName=n${index} Arch=x86_64 CoresPerSocket=8 CPUAlloc=0 CPUTot=8 ActiveFeatures=${features} Gres=${gres} OS=Linux RealMemory=8000 AllocMem=0 FreeMem=1 State=IDLE Partitions=${partitions} BootTime=1 CfgTRES=cpu=8 AllocTRES= CapWatts=n/a`;
}

/** The numbers of so many jobs, from 1 on. */
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1}`);

const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => `${line(index)}\n`).join('');

/** A Slurm that answers each section with the same text; `only`: one section, and the others with nothing. */
function slurmThatSays(output: string, only?: string): SlurmAdapter {
  return new SlurmAdapter(
    {
      run: async (script) => {
        const sections = [...script.matchAll(/'begin (\S+) (\w+)'/g)];
        const answers = sections.map(
          ([, name, nonce]) =>
            `\nbegin ${name} ${nonce}\n${only === undefined || only === name ? output : ''}\nend ${name} ${nonce} 0\n`,
        );
        return { exitCode: 0, stdout: asAsked(script, answers.join('')), stderr: '' };
      },
    },
    {
      ...{ name: 'alpha', host: 'login', workspace: '~/slurmql' },
      ...{ gpuRequest: 'gres', pollIntervalSeconds: 30, gpuCacheSeconds: 60 },
    },
  );
}

describe('others have their turn while an answer is read that tells', () => {
  const nameless = account('7').replace('\x1fjob\x1f', '\x1fallocation\x1f');

  it.each([
    ['of the tasks of a large array', lines(10_000, (index) => account(`7_${index}`)), 10_000],
    ['of many tasks in few rows', lines(10, (index) => account(`${index + 1}_[0-999]`)), 10_000],
    ['of many jobs', lines(10_000, (index) => account(`${(index % 200) + 1}_${index}`)), 10_000],
    ['of many attempts of one job', lines(10_000, () => account('7')), 1],
    ['of many attempts of a heterogeneous job', lines(10_000, (index) => account(`7+${index % 8}`)), 1],
    ['of many attempts whose names were never reported', lines(10_000, () => nameless), 1],
    ['of jobs that nobody asked for', lines(10_000, (index) => account(`${index + 1000}`)), 0],
    ['of nothing', lines(10_000, () => '\x1frecorded'.repeat(13)), 0],
  ])('%s', async (_what, output, accounts) => {
    const slurm = slurmThatSays(output);
    let count = 0;
    const turns = await turnsDuring(async () => {
      const accounting = await slurm.accounting.read(numbered(200));
      if (accounting.kind === 'read') count = accounting.accounts.length;
    });
    expect(count).toBe(accounts);
    expect(turns).toBeGreaterThanOrEqual(15);
  });

  it('of more tasks than there can be, in few rows', async () => {
    const slurm = slurmThatSays(lines(20, (index) => account(`${index + 1}_[0-29999,30000-59999]`)));
    expect(await turnsDuring(() => slurm.accounting.read(numbered(20)))).toBeGreaterThanOrEqual(15);
  });

  it('of many nodes', async () => {
    const slurm = slurmThatSays(lines(2000, (index) => node(index)));
    expect(await turnsDuring(() => slurm.inventory.read())).toBeGreaterThanOrEqual(15);
    expect((await slurm.inventory.read()).nodes).toHaveLength(2000);
  });

  it.each([
    ['partitions', (index: number) => `PartitionName=p${index} Default=NO State=UP`],
    ['lines that are no partitions', () => ''],
  ])('of many %s', async (_what, line) => {
    const slurm = slurmThatSays(lines(2000, line), 'partitions');
    expect(await turnsDuring(() => slurm.inventory.read())).toBeGreaterThanOrEqual(15);
  });

  it('of few nodes, each with many GPU types and in many partitions', async () => {
    const partitions = Array.from({ length: 100 }, (_, index) => `p${index}`);
    const types = Array.from({ length: 50 }, (_, index) => `gpu:t${index}:2`);
    const told = [
      ...partitions.map((name) => `PartitionName=${name} Default=NO State=UP\n`),
      lines(40, (index) => node(index, { partitions: partitions.join(','), gres: types.join(',') })),
    ];
    const slurm = slurmThatSays(told.join(''));
    // 40 × 100 × 50 counts are added up.
    expect(await turnsDuring(() => slurm.inventory.read())).toBeGreaterThanOrEqual(200);
    const { partitions: read } = await slurm.inventory.read();
    expect([...read.values()].map(({ nodeCount, gpus }) => [nodeCount, gpus?.length, gpus?.[0]?.total])).toEqual(
      partitions.map(() => [40, 50, 80]),
    );
  });

  it('of nodes in lines of many words', async () => {
    const features = Array.from({ length: 10_000 }, (_, index) => `f${index}`).join(',');
    const slurm = slurmThatSays(lines(50, (index) => node(index, { features })));
    expect(await turnsDuring(() => slurm.inventory.read())).toBeGreaterThanOrEqual(25);
  });

  it('of many records', async () => {
    const slurm = slurmThatSays(`${lines(20_000, (index) => `${index}.0.command`)}whole\n`);
    const place = { workDir: DIRECTORY, arrayTaskId: 19_999, attempt: 1 };
    expect(await turnsDuring(() => slurm.records.hasBegun([place]))).toBeGreaterThanOrEqual(15);
    expect(await slurm.records.hasBegun([place])).toEqual([true]);
  });

  it('of a few records in each of many directories', async () => {
    const slurm = slurmThatSays(`${lines(200, (index) => `${index}.0.command`)}whole\n`);
    const places = Array.from({ length: 100 }, (_, index) => ({
      workDir: `${DIRECTORY}${index}`,
      arrayTaskId: 1,
      attempt: 1,
    }));
    expect(await turnsDuring(() => slurm.records.hasBegun(places))).toBeGreaterThanOrEqual(15);
  });
});
