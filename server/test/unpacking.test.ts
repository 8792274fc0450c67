import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { Workbench } from './support/jobs.ts';
import { Payload } from './support/payload.ts';
import { TestRepository } from './support/repository.ts';
import { until } from './support/server.ts';
import { SMALL } from './support/slurm.ts';
import { TcpProxy } from './support/tcp-proxy.ts';

const FILES = 200;
/** Of the many files of a project, what a job that runs in it sees of them. */
const COUNTS = `[ "$(find many -type f | wc -l)" = ${FILES} ] && cat many/199.txt`;

let slurm: LocalSlurm;
let login: ClusterLogin;
const stack = new AsyncDisposableStack();

/**
 * What becomes of the tar of a job: it unpacks half of the project, then does what stands in the file `tar.NAME` of the
 * home, where the job has the name `NAME`.
 */
const TAR = `name=$(sed -n 's/.*runs\\.\\([-a-z0-9]*\\).*/\\1/p' job.sh 2>/dev/null | head -n 1)
[ -f "$HOME/tar.$name" ] || exec "$real" "$@"
echo begun >>"$HOME/tars.$name"
. "$HOME/tar.$name"`;
/** Some of the files are there, then nothing happens until somebody allows it. */
const hangs = (name: string) =>
  `"$real" "$@" --exclude='*9.txt'; until [ -e "$HOME/go.${name}" ]; do sleep 0.1; done; exec "$real" "$@"`;

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [{ ...SMALL, name: 'alpha' }],
  });
  stack.defer(() => slurm.stop());
  login = await ClusterLogin.open(slurm.cluster('alpha'));
  await login.wrap('tar', TAR);
});
afterAll(() => stack.disposeAsync());

/** A server that reaches the cluster through a network of its own, with a project of many files. */
async function openBench() {
  await using opening = new AsyncDisposableStack();
  const proxy = opening.use(await TcpProxy.start(slurm.cluster('alpha')));
  const knownHosts = `${slurm.scratch}/known_hosts.${proxy.port}`;
  await login.knownHostsFor(proxy.port, knownHosts);
  const bench = opening.use(
    await Workbench.open(slurm.clustersYaml({ port: proxy.port, known_hosts: knownHosts, poll_interval_seconds: 1 })),
  );
  const files = Array.from({ length: FILES }, (_, index) => [`many/${index}.txt`, `${index}\n`]);
  const repository = opening.use(await TestRepository.create(Object.fromEntries(files)));
  const { addProject } = await bench.server.query<{ addProject: { project: { id: string } } }>(
    'mutation ($path: String!) { addProject(input: { path: $path, name: "many" }) { project { id } } }',
    { path: repository.path },
  );
  const all = opening.move();
  return { bench, proxy, projectId: addProject.project.id, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** A job of the large project whose tar does something else. */
async function prepared(name: string, projectId: string, tar: string): Promise<Payload> {
  await login.run(`cat >'tar.${name}' <<'THE END'\n${tar}\nTHE END\n`);
  const command = `echo "$SLURM_JOB_ID" >>"$HOME/runs.${name}"; ${COUNTS} || exit 9; exit 3`;
  return new Payload(name, { input: { projectId, command } });
}
const tars = async (name: string) => (await login.run(`cat 'tars.${name}' 2>/dev/null || :`)).split('\n').length - 1;
const begun = (name: string, count = 1) =>
  until(
    () => tars(name),
    (many) => many >= count,
  );
const go = (name: string) => login.run(`touch 'go.${name}'`);

describe.concurrent('while the project of one job is being unpacked', () => {
  it('a small one of another project gets its number, and afterwards the first has all of its files', async () => {
    await using open = await openBench();
    const { bench } = open;
    const payload = await prepared('hangs', open.projectId, hangs('hangs'));
    const job = await bench.submit({ ...payload.input, waitSeconds: 0 });
    await begun('hangs');
    const small = [await bench.submit({ command: 'echo 1' }), await bench.submit({ command: 'echo 2' })];
    expect(small.map(({ slurmJobId }) => slurmJobId)).toEqual([expect.any(String), expect.any(String)]);
    expect(await bench.job(job.id)).toMatchObject({ state: 'SUBMITTING', slurmJobId: null });
    await go('hangs');
    await payload.ranOnce(bench, login, slurm);
    expect(await bench.wholeLog(job.id)).toBe('199\n');
    expect(await tars('hangs')).toBe(1);
  });

  it('a server that is killed finds it again, and submits the job once and whole', async () => {
    await using open = await openBench();
    const { bench } = open;
    const payload = await prepared('server-killed', open.projectId, hangs('server-killed'));
    await bench.submit({ ...payload.input, waitSeconds: 0 });
    await begun('server-killed');
    await bench.restart('SIGKILL');
    await bench.online();
    await go('server-killed');
    await payload.ranOnce(bench, login, slurm);
    expect(await tars('server-killed')).toBe(1);
  });

  it('a server that is killed with it, unpacks it anew, and submits the job once and whole', async () => {
    await using open = await openBench();
    const { bench } = open;
    const payload = await prepared('both-killed', open.projectId, hangs('both-killed'));
    const { id } = await bench.submit({ ...payload.input, waitSeconds: 0 });
    await begun('both-killed');
    const { workDir } = await bench.job(id);
    await bench.server.stop('SIGKILL');
    await login.run(`owner=$(readlink ${workDir}/unpack/owner) && kill -9 -- "-\${owner##* }" && rm tar.both-killed`);
    await bench.restart();
    await bench.online();
    await payload.ranOnce(bench, login, slurm);
  });

  it('a connection that breaks ends nothing, and the job is submitted once and whole', async () => {
    await using open = await openBench();
    const { bench, proxy } = open;
    const payload = await prepared('cut', open.projectId, hangs('cut'));
    await bench.submit({ ...payload.input, waitSeconds: 0 });
    await begun('cut');
    proxy.cut();
    await bench.online();
    proxy.cut();
    await go('cut');
    await payload.ranOnce(bench, login, slurm);
    expect(await tars('cut')).toBe(1);
  });

  it('the job can be cancelled, and nothing of it is left', async () => {
    await using open = await openBench();
    const { bench } = open;
    const payload = await prepared('cancelled', open.projectId, hangs('cancelled'));
    const job = await bench.submit({ ...payload.input, waitSeconds: 0 });
    await begun('cancelled');
    const { workDir } = await bench.job(job.id);
    await bench.cancel(job.id);
    expect(await bench.ended(job.id)).toMatchObject({ state: 'CANCELLED', slurmJobId: null, workDir: null });
    expect(await login.run(`[ -e ${workDir} ] || echo gone`)).toBe('gone\n');
    expect(await payload.runs(login)).toEqual([]);
  });
});

describe.concurrent('a project that cannot be unpacked', () => {
  it('is the fault of its own job, which says why', async () => {
    await using open = await openBench();
    const { bench } = open;
    const payload = await prepared(
      'refused',
      open.projectId,
      'echo "tar: x: Cannot mkdir: File name too long" >&2; exit 2',
    );
    const { id } = await bench.submit({ ...payload.input, waitSeconds: 0 });
    const job = await bench.ended(id);
    expect(job).toMatchObject({ state: 'SUBMIT_FAILED', slurmJobId: null, workDir: null });
    expect(job.reason).toBe("The project can't be unpacked on the cluster: tar: x: Cannot mkdir: File name too long");
    expect((await bench.submit({ command: 'echo small' })).slurmJobId).not.toBeNull();
    await bench.online(['ONLINE']);
    expect(await payload.runs(login)).toEqual([]);
  });

  it('for a full disk waits for room, while others go on', async () => {
    await using open = await openBench();
    const { bench } = open;
    const full =
      'echo "tar: x: Cannot write: Disk quota exceeded" >&2; [ -e "$HOME/go.full" ] || exit 2; exec "$real" "$@"';
    const payload = await prepared('full', open.projectId, full);
    const job = await bench.submit(payload.input);
    expect(job).toMatchObject({ state: 'SUBMITTING', slurmJobId: null });
    expect(job.reason).toMatch(/Disk quota exceeded\. Free some space there/);
    expect((await bench.submit({ command: 'echo small' })).slurmJobId).not.toBeNull();
    await go('full');
    await payload.ranOnce(bench, login, slurm);
  });
});
