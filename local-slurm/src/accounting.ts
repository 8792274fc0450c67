import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Daemon } from './daemon.ts';
import { accountingSettings } from './layout.ts';
import { accepts, freePort, retryWhenPortIsTaken } from './ports.ts';
import { run } from './run.ts';

/** Slurm's, in MariaDB. */
const DATABASE = 'slurm';

/** Makes MariaDB's directory, and its daemon. */
export async function prepareDatabase(directory: string): Promise<Daemon> {
  // MariaDB runs without a port and without accounts: whoever reaches its socket may do anything, and only root may
  // pass through this directory. So there is nothing to install but the empty system tables: slurmdbd keeps a
  // procedure in them.
  await mkdir(join(directory, 'data'), { recursive: true, mode: 0o700 });
  const systemTables = await readFile(await systemTablesFile(), 'utf8');
  const initFile = join(directory, 'init.sql');
  // slurmdbd makes its own database where there is none, but with the client library of MariaDB 11.8 fails after that.
  const databases = `CREATE DATABASE IF NOT EXISTS ${DATABASE};\nCREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\n`;
  await writeFile(initFile, databases + systemTables);
  return new Daemon({
    name: 'mariadbd',
    command: 'mariadbd',
    args: [
      '--no-defaults',
      '--user=root',
      `--datadir=${join(directory, 'data')}`,
      `--socket=${databaseSocket(directory)}`,
      `--pid-file=${join(directory, 'mariadbd.pid')}`,
      `--init-file=${initFile}`,
      '--skip-networking',
      '--skip-grant-tables',
      '--skip-log-bin',
      '--performance-schema=OFF',
      // Nothing here has to outlive a crash of the machine.
      '--innodb-flush-log-at-trx-commit=0',
      '--innodb-doublewrite=0',
      '--innodb-log-file-size=8M',
      '--innodb-buffer-pool-size=64M',
      '--innodb-lock-wait-timeout=900',
    ],
    logFile: join(directory, 'mariadbd.log'),
    ready: (log) => log.includes('ready for connections'),
  });
}

/** The statements that make the tables of the database `mysql`. MariaDB's versions differ in package and path. */
async function systemTablesFile(): Promise<string> {
  const found = await run('dpkg-query', ['--search', '*_system_tables.sql']);
  const file = /^mariadb-server-core\S*: (.*)$/m.exec(found)?.[1];
  if (file === undefined) throw new Error('No package mariadb-server-core has a file with the system tables.');
  return file;
}

/** Writes slurmdbd.conf(5) and sacctmgr's slurm.conf(5) in the database's directory; starts slurmdbd on a free port. */
export async function startSlurmdbd(directory: string, mungeSocket: string): Promise<{ port: number; daemon: Daemon }> {
  return retryWhenPortIsTaken(async () => {
    const port = await freePort();
    const lines = [
      'DbdHost=localhost',
      'DbdAddr=127.0.0.1',
      `DbdPort=${port}`,
      'SlurmUser=root',
      'AuthType=auth/munge',
      `AuthInfo=socket=${mungeSocket}`,
      'StorageType=accounting_storage/mysql',
      'StorageHost=localhost',
      'StorageUser=root',
      `StorageLoc=${DATABASE}`,
      `PidFile=${join(directory, 'slurmdbd.pid')}`,
      '',
    ];
    // slurmdbd refuses a file that others may read.
    await writeFile(join(directory, 'slurmdbd.conf'), lines.join('\n'), { mode: 0o600 });
    const client = [
      'ClusterName=none',
      'SlurmctldHost=localhost',
      `AuthInfo=socket=${mungeSocket}`,
      ...accountingSettings(port, mungeSocket),
      '',
    ];
    await writeFile(slurmConf(directory), client.join('\n'));
    const daemon = new Daemon({
      name: 'slurmdbd',
      command: 'slurmdbd',
      args: ['-D'],
      // It reads slurmdbd.conf beside SLURM_CONF. MYSQL_UNIX_PORT is where MariaDB's client looks for "localhost".
      environment: { SLURM_CONF: slurmConf(directory), MYSQL_UNIX_PORT: databaseSocket(directory) },
      logFile: join(directory, 'slurmdbd.log'),
      ready: async (log) => / version .* started/.test(log) && (await accepts(port)),
    });
    await daemon.start();
    return { port, daemon };
  });
}

/**
 * Makes clusters known to slurmdbd, and gives the users an association with each of them, through an account `lab`. It
 * has to be done before slurmctld starts: without its cluster it refuses to, and it reads the associations then.
 */
export async function registerClusters(
  directory: string,
  clusters: readonly string[],
  users: readonly string[],
): Promise<void> {
  await sacctmgr(directory, ['add', 'cluster', ...clusters]);
  await sacctmgr(directory, ['add', 'account', 'lab']);
  await sacctmgr(directory, ['add', 'user', ...users, 'Account=lab']);
}

async function sacctmgr(directory: string, args: readonly string[]): Promise<void> {
  await run('sacctmgr', ['--immediate', ...args], { environment: { SLURM_CONF: slurmConf(directory) } });
}

function slurmConf(directory: string): string {
  return join(directory, 'slurm.conf');
}

function databaseSocket(directory: string): string {
  return join(directory, 'mariadb.sock');
}
