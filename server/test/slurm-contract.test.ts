import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterSettings } from '../src/domain/cluster.ts';
import { SlurmAdapter } from '../src/slurm/index.ts';
import { SshConnection } from '../src/ssh/index.ts';
import { testSlurm } from './releases/contract.ts';
import { CLUSTER, Scene } from './releases/scene.ts';
import { ClusterLogin } from './support/cluster-login.ts';
import { startSlurm } from './support/slurm.ts';

// What holds of recorded output (src/slurm/releases.test.ts) holds of the real thing, over SSH.

testSlurm(async () => {
  await using stack = new AsyncDisposableStack();
  const local = await startSlurm({ clusters: [CLUSTER] });
  stack.defer(() => local.stop());
  const cluster = local.cluster('alpha');
  const login = await ClusterLogin.open(cluster);
  const scene = new Scene(local, login);
  await scene.make();
  const home = await mkdtemp(join(tmpdir(), 'slurmql-contract-'));
  stack.defer(() => rm(home, { recursive: true, force: true }));
  const { host, port, user, identityFile, knownHosts } = cluster;
  const settings: ClusterSettings = {
    ...{ name: 'alpha', host, port, user, identityFile, knownHosts },
    workspace: '~/slurmql',
    gpuRequest: 'gres',
    pollIntervalSeconds: 30,
    gpuCacheSeconds: 60,
  };
  const connection = new SshConnection(settings, {
    homeDirectory: home,
    userName: user,
    configFile: join(home, 'ssh_config'),
  });
  stack.defer(() => connection.stop());
  const online = Promise.withResolvers<void>();
  connection.onStateChange(({ status }) => status === 'online' && online.resolve());
  connection.start();
  await online.promise;

  let others = 0;
  const stop = stack.move();
  return {
    slurm: new SlurmAdapter(connection, settings),
    numbers: scene.numbers,
    anotherId: () => `01M${String(others++).padStart(23, '0')}`,
    run: (script) => login.run(script),
    stopController: () => local.stopDaemon('alpha/slurmctld'),
    disconnect: () => connection.stop(),
    [Symbol.asyncDispose]: () => stop.disposeAsync(),
  };
});
