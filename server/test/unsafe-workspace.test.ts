import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterHealth } from './support/cluster-health.ts';
import { Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';
import { SMALL } from './support/slurm.ts';

// One cluster under many names, each with a workspace of its own. "daemon" stands for another user, "lab" for a group
// of several people.

interface Place {
  /** Made by root in a directory that is root's alone; $U is the login. `workspace` lies there too. */
  readonly make: string;
  readonly workspace: string;
  readonly trusts?: string;
}

const UNSAFE: Readonly<
  Record<string, Place & { readonly found: string; readonly ways: string[]; readonly mend: string }>
> = {
  owned: {
    make: 'mkdir -p owned/mine; chown daemon owned; chown $U owned/mine',
    workspace: 'owned/mine/slurmql',
    found: 'owned belongs to daemon',
    ways: ['add "workspace_trusts: [daemon]"'],
    mend: 'chown root owned',
  },
  shared: {
    make: 'mkdir -p shared/mine; chown $U shared/mine; chgrp lab shared; chmod 2775 shared',
    workspace: 'shared/mine/slurmql',
    found: 'shared can be written by the group lab',
    ways: ['have root run "chmod +t ', 'add "workspace_trusts: [lab]"'],
    mend: 'chmod +t shared',
  },
  open: {
    make: 'mkdir -p open/mine/deep; chown -R $U open/mine; chmod 777 open/mine',
    workspace: 'open/mine/deep',
    found: 'open/mine can be written by everybody',
    ways: ['run "chmod +t '],
    mend: 'chmod 755 open/mine',
  },
  itself: {
    make: 'mkdir itself; chown $U itself; chmod 1777 itself',
    workspace: 'itself',
    found: 'itself can be written by everybody',
    ways: ['run "chmod go-w '],
    mend: 'chmod 755 itself',
  },
  linked: {
    make: 'mkdir -p target/real/mine; chown daemon target/real; chown $U target/real/mine; ln -s target/real linked',
    workspace: 'linked/mine/slurmql',
    found: 'target/real belongs to daemon',
    ways: ['add "workspace_trusts: [daemon]"'],
    mend: 'chown root target/real',
  },
  link: {
    make: 'mkdir -p sticky mine; chmod 1777 sticky; chown $U mine; ln -s ../mine sticky/link; chown -h daemon sticky/link',
    workspace: 'sticky/link/slurmql',
    found: 'sticky/link belongs to daemon',
    ways: ['add "workspace_trusts: [daemon]"'],
    mend: 'chown -h root sticky/link',
  },
  jobs: {
    make: 'mkdir -p below/jobs; chown -R $U below; chmod 777 below/jobs',
    workspace: 'below',
    found: 'below/jobs can be written by everybody',
    ways: ['run "chmod go-w '],
    mend: 'chmod 755 below/jobs',
  },
};
const SAFE: Readonly<Record<string, Place>> = {
  own: { make: 'mkdir -p own; chown $U own', workspace: 'own/slurmql' },
  tmp: { make: 'mkdir -p tmp; chmod 1777 tmp', workspace: 'tmp/slurmql' },
  private: { make: 'mkdir -p private/in; chown -R $U:$U private; chmod 775 private', workspace: 'private/in' },
  trusted: {
    make: 'mkdir -p trusted/in; chown daemon:lab trusted; chmod 2775 trusted; chown $U trusted/in',
    workspace: 'trusted/in/slurmql',
    trusts: '[daemon, lab]',
  },
};
const PLACES = Object.entries({ ...UNSAFE, ...SAFE });

let slurm: LocalSlurm;
let bench: Workbench;
let root: string;
const asRoot = (script: string) =>
  slurm.run('alpha', 'sh', ['-c', `set -e; U=${slurm.cluster('alpha').user}; cd "$1"; ${script}`, 'sh', root]);

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [{ ...SMALL, name: 'alpha' }],
  });
  root = `${slurm.directory}/places`;
  await slurm.run('alpha', 'mkdir', [root]);
  await slurm.run('alpha', 'sh', ['-c', 'getent group lab || groupadd --system lab']);
  for (const [, { make }] of PLACES) await asRoot(make);
  const yaml = slurm.clustersYaml({ poll_interval_seconds: 1 });
  const [head = '', ...body] = yaml.split(/^ {2}alpha:\n/m);
  const entries = PLACES.map(([name, { workspace, trusts }]) => {
    const more = trusts === undefined ? '' : `    workspace_trusts: ${trusts}\n`;
    return `  ${name}:\n    workspace: ${JSON.stringify(`${root}/${workspace}`)}\n${more}${body.join('')}`;
  });
  bench = await Workbench.open(`${head}${entries.join('')}`, undefined, ['ONLINE', 'DEGRADED']);
});
afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
  await slurm?.run('alpha', 'groupdel', ['lab']).catch(() => undefined);
  await slurm?.stop();
});

const TEST = `mutation ($name: String!) { testCluster(input: { name: $name }) { steps { name status found advice } } }`;
interface Step {
  readonly name: string;
  readonly status: string;
  readonly found: string;
}
const workspaceStep = async (name: string) =>
  (await bench.server.query<{ testCluster: { steps: Step[] } }>(TEST, { name })).testCluster.steps.find(
    (step) => step.name === 'WORKSPACE',
  );

describe.concurrent('a workspace into which others could put their own commands', () => {
  it.each(Object.entries(UNSAFE))(
    'runs nothing, says who and what to do, and takes jobs once it is mended: %s',
    async (cluster, place) => {
      const health = new ClusterHealth(() => bench.server, cluster);
      const { statusMessage } = await health.reaches('DEGRADED');
      const said = `isn't safe: ${root}/${place.found}, who could have their own commands run as ${slurm.cluster('alpha').user}`;
      expect(statusMessage).toContain(said);
      for (const way of ['"workspace" in clusters.yaml', ...place.ways]) expect(statusMessage).toContain(way);
      expect(await workspaceStep(cluster)).toMatchObject({ status: 'FAILED', found: expect.stringContaining(said) });
      const { id } = await bench.submit({ cluster, command: 'echo mine' });
      const job = await until(
        () => bench.job(id),
        ({ reason }) => reason !== null,
      );
      expect(job).toMatchObject({ state: 'SUBMITTING', slurmJobId: null, reason: expect.stringContaining(said) });
      await asRoot(place.mend);
      await health.connect();
      expect(await bench.ended(id)).toMatchObject({ state: 'COMPLETED' });
      await health.reaches('ONLINE');
    },
  );

  it.each(Object.keys(SAFE))('is told from one that is safe: %s', async (cluster) => {
    expect(await workspaceStep(cluster)).toMatchObject({ status: 'OK' });
    const { id } = await bench.submit({ cluster, command: 'echo mine' });
    expect(await bench.ended(id)).toMatchObject({ state: 'COMPLETED' });
  });
});
