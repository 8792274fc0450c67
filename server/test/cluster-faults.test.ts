import { ensurePackages, type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterHealth } from './support/cluster-health.ts';
import { ClusterLogin } from './support/cluster-login.ts';
import { Workbench } from './support/jobs.ts';
import { Payload } from './support/payload.ts';
import { TestRepository } from './support/repository.ts';
import { SMALL } from './support/slurm.ts';

const THREE_HOURS = 3 * 60 * 60;
/** Holds a small file system. */
const ROOM = 'small room';

let slurm: LocalSlurm;
let bench: Workbench;
const logins = new Map<string, ClusterLogin>();
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  await ensurePackages(['locales']);
  slurm = await startLocalSlurm({
    clusters: [
      { ...SMALL, name: 'alpha' },
      { ...SMALL, name: 'beta' },
      { ...SMALL, name: 'away' },
      // How long squeue waits for a controller that hangs.
      { ...SMALL, name: 'frozen', slurmConf: ['MessageTimeout=3'] },
      { ...SMALL, name: 'ahead', clockOffsetSeconds: THREE_HOURS },
      { ...SMALL, name: 'books', clockOffsetSeconds: THREE_HOURS, accounting: true, account: { home: 'home-books' } },
      { ...SMALL, name: 'behind', clockOffsetSeconds: -THREE_HOURS },
      { ...SMALL, name: 'full', account: { home: 'home-full' } },
      { ...SMALL, name: 'homeless', account: { home: 'home-less' } },
    ],
  });
  stack.defer(() => slurm.stop());
  for (const name of ['books', 'full', 'homeless']) logins.set(name, await ClusterLogin.open(slurm.cluster(name)));
  await mountRoom();
  const yaml = slurm.clustersYaml({ poll_interval_seconds: 1 });
  const workspace = `$1    workspace: ${JSON.stringify(`${slurm.directory}/home-full/${ROOM}`)}\n`;
  bench = stack.use(await Workbench.open(yaml.replace(/^( {2}full:\n)/m, workspace)));
});
afterAll(() => stack.disposeAsync());

function loginOf(name: string): ClusterLogin {
  const login = logins.get(name);
  if (login === undefined) throw new Error(`no login of ${name}`);
  return login;
}

/** Two megabytes that belong to the account. */
async function mountRoom(): Promise<void> {
  const login = loginOf('full');
  const [uid, gid] = (await login.run(`mkdir "${ROOM}"; id -u; id -g`)).trim().split('\n');
  const options = `size=2m,mode=700,uid=${uid},gid=${gid}`;
  await slurm.run('full', 'mount', ['-t', 'tmpfs', '-o', options, 'room', `${slurm.directory}/home-full/${ROOM}`]);
}

const healthOf = (name: string, of = bench) => new ClusterHealth(() => of.server, name);

interface Times {
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly elapsedSeconds: number;
  readonly evidence: { readonly source: string };
}

async function times(id: string): Promise<Times> {
  const query = 'query ($id: ID!) { job(id: $id) { startedAt endedAt elapsedSeconds evidence { source } } }';
  return (await bench.server.query<{ job: Times }>(query, { id })).job;
}

/** Whether something happened between two moments of this machine's clock, but for the seconds that aren't corrected. */
function expectBetween(text: string | null, from: number, to: number): void {
  const at = Date.parse(text ?? '');
  expect(at).toBeGreaterThan(from - 6000);
  expect(at).toBeLessThan(to + 6000);
}

describe('told in the status with what to do, no state changes wrongly, and it heals by itself:', () => {
  it.concurrent('a slurmctld that is down for more than a minute; nothing and nobody else waits for it', {
    timeout: 600_000,
  }, async () => {
    await using own = await Workbench.open(`clusters:\n${blockOf('alpha')}${blockOf('beta')}`);
    const job = await own.submit({ command: 'sleep 600' });
    const short = await own.submit({ command: 'sleep 20; exit 5' });
    await Promise.all([job, short].map(({ id }) => own.reaches(id, 'RUNNING')));
    await slurm.stopDaemon('alpha/slurmctld');
    const stoppedAt = performance.now();
    const { statusMessage } = await healthOf('alpha', own).reaches('DEGRADED');
    expect(statusMessage).toMatch(/^Slurm's queue can't be read: .*[Uu]nable to contact slurm controller/);
    expect(statusMessage).toContain('try "scontrol ping"');
    const through = async () => {
      const other = await own.submit({ cluster: 'beta', command: 'exit 6' });
      expect(await own.ended(other.id)).toMatchObject({ state: 'FAILED', exitCode: 6 });
    };
    await through();
    await own.restart();
    await healthOf('beta', own).reaches('ONLINE');
    await through();
    const restarted = await healthOf('alpha', own).reaches('DEGRADED');
    expect(restarted.statusMessage).toMatch(/[Uu]nable to contact slurm controller.*tried again by itself/);
    await new Promise((resolve) => setTimeout(resolve, 65_000 - (performance.now() - stoppedAt)));
    expect((await own.job(job.id)).state).toBe('RUNNING');
    expect((await own.job(short.id)).state).toBe('RUNNING');
    await slurm.startDaemon('alpha/slurmctld');
    expect(await healthOf('alpha', own).reaches('ONLINE')).toMatchObject({ statusMessage: null });
    expect(await own.ended(short.id)).toMatchObject({ state: 'FAILED', exitCode: 5 });
    expect((await own.job(job.id)).state).toBe('RUNNING');
    await own.cancel(job.id);
    expect(await own.ended(job.id)).toMatchObject({ state: 'CANCELLED' });
  });

  it.concurrent('a slurmctld that is back long before the next question would be due', {
    timeout: 600_000,
  }, async () => {
    await using own = await Workbench.open(
      `clusters:\n${blockOf('away').replace(/poll_interval_seconds: .*/, 'poll_interval_seconds: 3600')}`,
    );
    const going = await own.submit({ cluster: 'away', command: 'sleep 5; exit 5' });
    await own.reaches(going.id, 'RUNNING');
    await slurm.stopDaemon('away/slurmctld');
    const health = healthOf('away', own);
    const meanwhile = await own.submit({ cluster: 'away', command: 'exit 6', waitSeconds: 25 });
    expect(meanwhile).toMatchObject({ state: 'SUBMITTING', slurmJobId: null });
    await health.reaches('DEGRADED');
    await slurm.startDaemon('away/slurmctld');
    expect(await health.reaches('ONLINE')).toMatchObject({ statusMessage: null });
    expect(await own.ended(going.id)).toMatchObject({ state: 'FAILED', exitCode: 5 });
    expect(await own.ended(meanwhile.id)).toMatchObject({ state: 'FAILED', exitCode: 6 });
    expect(await health.now()).toMatchObject({ status: 'ONLINE', statusMessage: null });
  });

  it.concurrent('a slurmctld that hangs', { timeout: 600_000 }, async () => {
    const job = await bench.submit({ cluster: 'frozen', command: 'sleep 15; exit 5' });
    await bench.reaches(job.id, 'RUNNING');
    await slurm.signalDaemon('frozen/slurmctld', 'SIGSTOP');
    try {
      const { statusMessage } = await healthOf('frozen').reaches('DEGRADED');
      expect(statusMessage).toMatch(/^Slurm's queue can't be read: .*[Tt]imed out/);
      expect((await bench.job(job.id)).state).toBe('RUNNING');
    } finally {
      await slurm.signalDaemon('frozen/slurmctld', 'SIGCONT');
    }
    await healthOf('frozen').until(({ status }) => status === 'ONLINE', 400_000);
    expect(await bench.ended(job.id)).toMatchObject({ state: 'FAILED', exitCode: 5 });
  });

  it.concurrent.each([
    ['ahead', 'ahead of'],
    ['behind', 'behind'],
  ])('a clock that is three hours %s: times and elapsed are right', async (cluster, word) => {
    expect(await healthOf(cluster).now()).toMatchObject({
      status: 'ONLINE',
      statusMessage: expect.stringMatching(new RegExp(`^Its clock is 10(?:800|799|801) s ${word} this server's`)),
    });
    const sentAt = Date.now();
    const job = await bench.submit({ cluster, command: 'sleep 8; date +%s; exit 5' });
    await bench.reaches(job.id, 'RUNNING');
    const running = await times(job.id);
    expectBetween(running.startedAt, sentAt, Date.now());
    expect(running.elapsedSeconds).toBeLessThanOrEqual((Date.now() - sentAt) / 1000 + 6);
    expect(await bench.ended(job.id)).toMatchObject({ state: 'FAILED', exitCode: 5 });
    const ended = await times(job.id);
    expectBetween(ended.endedAt, sentAt + 8000, Date.now());
    expect(ended.elapsedSeconds).toBeGreaterThanOrEqual(7);
    expect(ended.elapsedSeconds).toBeLessThanOrEqual((Date.now() - sentAt) / 1000);
    // The clock is really off there.
    const seen = Number(await bench.wholeLog(job.id));
    expect(Math.abs(seen - Date.now() / 1000)).toBeGreaterThan(THREE_HOURS - 600);
  });

  it.concurrent('a slurmdbd that is down: an end is learned from the mark of the job itself, in right time', async () => {
    const login = loginOf('books');
    const going = await bench.submit({ cluster: 'books', command: 'sleep 600' });
    const waits = 'while [ ! -e "$HOME/go" ]; do sleep 0.2; done; exit 200';
    const over = await bench.submit({ cluster: 'books', command: waits });
    await Promise.all([going, over].map(({ id }) => bench.reaches(id, 'RUNNING')));
    await slurm.stopDaemon('slurmdbd');
    try {
      await using _wrapper = await login.wrap('squeue', ':');
      const { statusMessage } = await healthOf('books').reaches('DEGRADED');
      expect(statusMessage).toMatch(/^Slurm's accounting can't be read: .*tell the administrators of slurmdbd/);
      const goneAt = Date.now();
      await login.run('touch go');
      expect(await bench.ended(over.id)).toMatchObject({ state: 'FAILED', exitCode: 200 });
      const ended = await times(over.id);
      expect(ended.evidence.source).toBe('MARKER');
      expectBetween(ended.endedAt, goneAt, Date.now());
      expect((await bench.job(going.id)).state).toBe('RUNNING');
    } finally {
      await slurm.startDaemon('slurmdbd');
    }
    await healthOf('books').reaches('ONLINE');
    await bench.cancel(going.id);
    expect(await bench.ended(going.id)).toMatchObject({ state: 'CANCELLED' });
  });

  it.concurrent('a full disk, in any language: jobs wait for room and run once', async () => {
    const login = loginOf('full');
    await login.run("echo 'export LC_ALL=C.UTF-8 LANGUAGE=de' >>.bashrc");
    expect(await login.run('ls nothing 2>&1 || :')).toContain('Datei oder Verzeichnis nicht gefunden');
    // Packed it has little room enough, unpacked it has not.
    const { projectId, repository } = await projectOf({ zeros: '0'.repeat(900_000) });
    await using _repository = repository;
    for (const [name, filler, said] of [
      ['no-room', 3_000_000, /No space left on device|disk or the quota full/],
      ['little-room', 600_000, /The project can't be unpacked on the cluster: tar: .*Free some space there/],
    ] as const) {
      const payload = new Payload(name, { input: { cluster: 'full', projectId } });
      await login.run(`head -c ${filler} /dev/zero >"${ROOM}/filler" || :`);
      const job = await bench.submit({ ...payload.input, waitSeconds: 20 });
      expect(job).toMatchObject({ state: 'SUBMITTING', slurmJobId: null });
      expect(job.reason).toMatch(said);
      const { statusMessage } = await healthOf('full').reaches('DEGRADED');
      expect(statusMessage).toMatch(/^Jobs can't be submitted: /);
      expect(statusMessage).toMatch(said);
      expect(await payload.runs(login)).toEqual([]);
      await login.run(`rm "${ROOM}/filler"`);
      await payload.ranOnce(bench, login, slurm);
      expect(await healthOf('full').reaches('ONLINE')).toMatchObject({ statusMessage: null });
    }
    const filling = await bench.submit({ cluster: 'full', command: 'yes' });
    expect(await bench.ended(filling.id)).toMatchObject({ state: 'FAILED', exitCode: 1 });
    expect(await bench.wholeLog(filling.id)).toMatch(/^(?:y\n){100}/);
  });

  it.concurrent('a home that is gone: jobs wait for it and run once', async () => {
    const home = `${slurm.directory}/home-less`;
    await slurm.run('homeless', 'mv', [home, `${home}.away`]);
    const payload = new Payload('homeless', { input: { cluster: 'homeless' } });
    try {
      const job = await bench.submit({ ...payload.input, waitSeconds: 20 });
      expect(job).toMatchObject({ state: 'SUBMITTING', slurmJobId: null });
      expect(job.reason).toMatch(/^The workspace can't be written: .*Permission denied/);
      const { statusMessage } = await healthOf('homeless').reaches('DEGRADED');
      expect(statusMessage).toMatch(/^Jobs can't be submitted: The workspace can't be written: .*set "workspace" in/);
    } finally {
      await slurm.run('homeless', 'mv', [`${home}.away`, home]);
    }
    await payload.ranOnce(bench, loginOf('homeless'), slurm);
    await healthOf('homeless').reaches('ONLINE');
  });

  it.concurrent('a workspace that belongs to somebody else: jobs wait for it and run once', async () => {
    // A workspace of its own, on the login that all of them share.
    const workspace = `${slurm.directory}/home/foreign`;
    await slurm.run('beta', 'mkdir', ['-m', '755', workspace]);
    await using own = await Workbench.open(`clusters:\n${blockOf('beta')}    workspace: ${workspace}\n`);
    const login = await ClusterLogin.open(slurm.cluster('beta'));
    const payload = new Payload('foreign', { input: { cluster: 'beta', projectId: own.projectId } });
    const job = await own.submit({ ...payload.input, waitSeconds: 20 });
    expect(job.reason).toMatch(/^The workspace can't be written: .*Permission denied/);
    await healthOf('beta', own).reaches('DEGRADED');
    await slurm.run('beta', 'chown', [slurm.cluster('beta').user, workspace]);
    await payload.ranOnce(own, login, slurm);
    expect((await own.job(job.id)).workDir).toMatch(new RegExp(`^${workspace}/jobs/`));
    await healthOf('beta', own).reaches('ONLINE');
  });
});

/** One cluster's part of clusters.yaml. */
function blockOf(name: string): string {
  const block = slurm
    .clustersYaml({ poll_interval_seconds: 1 })
    .split(/^(?= {2}\w)/m)
    .find((text) => text.startsWith(`  ${name}:\n`));
  if (block === undefined) throw new Error(`no cluster ${name}`);
  return block;
}

async function projectOf(files: Readonly<Record<string, string>>) {
  const repository = await TestRepository.create(files);
  const { addProject } = await bench.server.query<{ addProject: { project: { id: string } } }>(
    'mutation ($path: String!) { addProject(input: { path: $path, name: "big" }) { project { id } } }',
    { path: repository.path },
  );
  return { projectId: addProject.project.id, repository };
}
