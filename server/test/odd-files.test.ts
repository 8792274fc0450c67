import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterHealth } from './support/cluster-health.ts';
import { type JobData, Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';
import { SMALL } from './support/slurm.ts';

/** What a job may put in the place of a file, by what it is told to be. */
const ODD = [
  ['a named pipe', 'mkfifo "$1"'],
  ['a socket', 'python3 -c "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])" "$1"'],
  ['a directory', 'mkdir "$1"'],
  ['a symbolic link', 'ln -s /etc/passwd "$1"'],
  ['a symbolic link', 'ln -s /dev/zero "$1"'],
  ['a symbolic link', 'mkfifo "$1.pipe"; ln -s "$1.pipe" "$1"'],
] as const;

let slurm: LocalSlurm;
let bench: Workbench;

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [
      { ...SMALL, name: 'alpha' },
      { ...SMALL, name: 'bare', sshdConfig: ['Subsystem none /bin/false'] },
    ],
  });
  bench = await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 }));
});
afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
  await slurm?.stop();
});

const LOG = `query ($id: ID!) { job(id: $id) { log { text } logUrl } }`;
const SEARCH = `query ($id: ID!) { logSearch(jobId: $id, pattern: "root") { hasMore } }`;

/** Every way to a job's log: the page, the file, the search and the tail. Each has to say what lies there. */
async function readings({ id }: JobData): Promise<string[]> {
  const { server } = bench;
  const page = await server.send<{ job: { log: null; logUrl: string } }>(LOG, { id });
  const search = await server.send(SEARCH, { id });
  const file = await fetch(`${server.address}${page.data?.job.logUrl}`, {
    headers: { authorization: `Bearer ${server.token}` },
  });
  const tail = await server
    .subscribe('subscription ($id: ID!) { logTail(jobId: $id) { text } }', { id })
    .next()
    .then(({ value }) => `a chunk: ${JSON.stringify(value)}`)
    .catch((error: Error) => error.message);
  return [
    ...[page, search].map(({ errors }) => errors?.[0]?.message ?? 'no error'),
    `${file.status} ${await file.text()}`,
    tail,
  ];
}

describe.concurrent('a job that puts in the place of its log', () => {
  const members = ODD.flatMap(([kind, make]) => ['alpha', 'bare'].map((cluster) => ({ kind, make, cluster })));
  it.each(members)('$kind ($make) is told so, and all others go on, on $cluster', async ({ kind, make, cluster }) => {
    const command = `make() { rm -rf "$1"; ${make}; }
make ../stdout.log; echo made >&2; sleep 3`;
    const odd = await bench.submit({ cluster, command });
    await until(
      () => slurm.run(cluster, 'cat', [`${odd.workDir}/stderr.log`]).catch(() => ''),
      (text) => text.includes('made'),
    );
    for (const told of await readings(odd)) {
      expect(told).toContain(`${odd.workDir}/stdout.log is ${kind} and not a file, so it is not opened`);
    }
    expect(await bench.ended(odd.id)).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
    const next = await bench.submit({ cluster, command: 'echo fine' });
    expect(await bench.wholeLog(next.id)).toBe('fine\n');
  });
});

describe.concurrent('a job that puts in the place of its records, and of the one file of activity', () => {
  it.each(ODD)('%s ends as it would, and so do others (%s)', async (_, make) => {
    const command = `make() { rm -rf "$1"; ${make}; }
for name in job.0.start job.0.command job.0.end job.0.shell job.1.start job.1.command; do make "../run/$name"; done
make ../../../activity; make ../environment.sh; exit 7`;
    const odd = await bench.submit({ command });
    expect(await bench.ended(odd.id)).toMatchObject({ state: 'FAILED', exitCode: 7 });
    // It had the file of activity as the other one left it.
    const next = await bench.submit({ command: 'echo fine' });
    expect(await bench.ended(next.id)).toMatchObject({ state: 'COMPLETED' });
  });
});

describe('a job whose records can not be read', () => {
  it.each(['chmod 0 ../run', 'chmod 300 ../run', 'chmod 0 ..', 'mv ../../../../slurmql ../../../../away'])(
    'keeps its state, and the cluster says what is in the way, until they can (%s)',
    async (close) => {
      const { id, workDir } = await bench.submit({ command: `until [ -e ../close ]; do sleep 0.1; done; ${close}` });
      await bench.reaches(id, 'RUNNING');
      await slurm.run('alpha', 'touch', [`${workDir}/close`]);
      const health = new ClusterHealth(() => bench.server, 'alpha');
      const { statusMessage } = await health.reaches('DEGRADED');
      expect(statusMessage).toContain("Records in the directories of jobs can't be read: ");
      expect(statusMessage).toContain(`${workDir}/run`);
      expect(statusMessage).not.toContain('queue');
      expect((await bench.job(id)).state).toMatch(/RUNNING|COMPLETING/);
      const home = workDir?.replace(/\/slurmql\/jobs\/.*/, '') ?? '';
      const mend = 'cd "$1"; [ ! -e away ] || { rm -rf slurmql && mv away slurmql; }; chmod 700 "$2" "$2/run"';
      await slurm.run('alpha', 'sh', ['-c', mend, 'sh', home, workDir ?? '']);
      expect(await bench.ended(id)).toMatchObject({ state: 'COMPLETED' });
      await health.reaches('ONLINE');
    },
  );
});
