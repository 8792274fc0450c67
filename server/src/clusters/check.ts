import type { ClusterSettings } from '../domain/cluster.ts';
import type { CheckStatus, CheckStep, CheckStepName } from '../domain/cluster-check.ts';
import { gitVersion } from '../projects/index.ts';
import {
  absoluteWorkspace,
  checkLogin,
  type LoginFacts,
  type LoginShell,
  type Slurm,
  SlurmAdapter,
  WorkspaceTrial,
} from '../slurm/index.ts';
import type { ConnectionState, LoginPrompt, SshConnection } from '../ssh/index.ts';
import { connectionSteps } from './check-connection.ts';

/** An attempt to connect begins within 5 s and takes at most 15 s. */
const CONNECT_WAIT_MS = 25_000;
const FILES_TIMEOUT_MS = 20_000;
const SMALL_SPACE_BYTES = 1024 ** 3;
const FEW_SECONDS = 120;
const LONGEST_NOISE = 120;
const SFTP_ADVICE =
  'Logs are read and jobs are sent over SFTP: ask the administrators for "Subsystem sftp internal-sftp" in sshd_config';

/** The result of a step. */
interface Finding {
  readonly status: CheckStatus;
  readonly found: string;
  readonly advice: string | null;
}

/** Why a login prompt got no answer, and what to do. */
export interface Unanswered {
  readonly found: string;
  readonly advice: string;
}

/** Shows a login prompt to a person. `signal` is aborted when the prompt expires without an answer. */
export type AskPerson = (prompt: LoginPrompt, signal: AbortSignal) => Promise<readonly string[] | Unanswered>;

/**
 * Checks a cluster, and yields each step as it ends. Uses the existing connection; without one, makes one attempt to
 * connect and never a second. A login prompt is answered by `ask`, or elsewhere by another user; without an answer the
 * attempt ends. Each step has a deadline. Never throws.
 */
export async function* checkSteps(
  settings: ClusterSettings,
  connection: SshConnection,
  ask?: AskPerson,
): AsyncGenerator<CheckStep, void, undefined> {
  const { state, unanswered } = await settle(connection, ask);
  const connected = connectionSteps(connection.lastAttempt, state, settings, unanswered);
  yield* connected;
  const slurm = new SlurmAdapter(connection, settings);
  const isConnected = state.status === 'online' && connected.every(({ status }) => status !== 'FAILED');

  /** Runs a step, unless `because` says why it can't be run. */
  async function* take<T>(
    name: CheckStepName,
    because: string | null,
    advice: string,
    work: () => Promise<Finding & { readonly value?: T }>,
  ): AsyncGenerator<CheckStep, T | null, undefined> {
    if (because !== null) {
      yield { name, status: 'SKIPPED', found: because, advice: null, seconds: null };
      return null;
    }
    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1000;
    let outcome: Finding & { readonly value?: T };
    try {
      outcome = await work();
    } catch (cause) {
      outcome = { status: 'FAILED', found: cause instanceof Error ? cause.message : String(cause), advice };
    }
    const { value, ...finding } = outcome;
    yield { name, ...finding, seconds: seconds() };
    return value ?? null;
  }

  const offline = isConnected ? null : 'There is no connection';
  const login = yield* take<LoginShell>(
    'SHELL',
    offline,
    'Log in with ssh and run "sh -c true": a start-up file of the login shell (.bashrc, .cshrc) may end the session',
    async () => shellFinding(await checkLogin(connection, settings.workspace)),
  );
  const shellless = offline ?? (login === null ? 'The shell gives no answer' : null);
  const facts = yield* take<LoginFacts>(
    'SLURM',
    shellless,
    'Log in with ssh and try "sbatch --version" and "scontrol ping"',
    async () => slurmFinding(await slurm.login.probe()),
  );
  const slurmless = shellless ?? (facts === null ? 'Slurm was not found, or gives no answer' : null);
  yield* take('QUEUE', slurmless, 'Log in with ssh, try "squeue --me", and tell the administrators', () =>
    queueFinding(slurm),
  );
  yield* take(
    'ACCOUNTING',
    slurmless,
    'Jobs are followed without it, by the records that they write. Ask the administrators about slurmdbd',
    () => accountingFinding(slurm, facts),
  );
  yield* take('NODES', slurmless, 'Log in with ssh, and try "scontrol show partition" and "scontrol show node"', () =>
    nodesFinding(slurm),
  );
  const hasFiles = yield* take<true>('SFTP', offline, SFTP_ADVICE, async () => {
    await connection.files.isDirectory('.', { timeoutMs: FILES_TIMEOUT_MS });
    if (connection.files.transport === 'commands') {
      const why = connection.sftpFault === null ? '' : ` (${connection.sftpFault})`;
      const found = `SFTP doesn't work${why}: files are read and written by commands, each a process on the login node`;
      return { status: 'WARNING', found, advice: SFTP_ADVICE, value: true };
    }
    return { status: 'OK', found: 'Files can be read and written', advice: null, value: true };
  });
  yield* take('GIT', shellless, 'Install git on the machine that SlurmQL runs on', () => gitFinding(login));
  const room = yield* take<true>(
    'WORKSPACE',
    shellless ?? (hasFiles === null ? 'Files can be neither read nor written' : null),
    'Set "workspace" in clusters.yaml to a directory that you may write to, with room in its quota',
    async () => ({
      ...(await workspaceFinding(
        connection,
        slurm,
        absoluteWorkspace(settings.workspace, login?.home ?? '', login?.workspace ?? ''),
      )),
      value: true,
    }),
  );
  yield* take(
    'SUBMIT',
    slurmless ?? (room === null ? 'There is no workspace to run a job in' : null),
    'Log in with ssh and try "sbatch --test-only" with a small script; a wrapper around sbatch may be in the way',
    () => submitFinding(connection, slurm, facts?.workspace ?? ''),
  );
}

/** All steps at once, for callers that can't receive them one by one. Never throws. */
export async function checkCluster(
  settings: ClusterSettings,
  connection: SshConnection,
): Promise<readonly CheckStep[]> {
  const steps: CheckStep[] = [];
  for await (const step of checkSteps(settings, connection)) steps.push(step);
  return steps;
}

/** Waits for the outcome of the connection; a person answers its login prompts. */
async function settle(
  connection: SshConnection,
  ask: AskPerson | undefined,
): Promise<{ readonly state: ConnectionState; readonly unanswered: Unanswered | null }> {
  for (;;) {
    const state = await settledState(connection);
    if (state.status !== 'asking' || ask === undefined) return { state, unanswered: null };
    const over = new AbortController();
    const unsubscribe = connection.onStateChange(() => over.abort());
    const answers = await ask(state.prompt, over.signal).finally(unsubscribe);
    if ('found' in answers && !over.signal.aborted) return { state, unanswered: answers };
    // Answers to an expired prompt are ignored: the state says what became of the login.
    if (!('found' in answers)) connection.answer(state.prompt.id, answers);
  }
}

/** The outcome of the connection, after one attempt if there is none; at the deadline, its state as it is. */
function settledState(connection: SshConnection): Promise<ConnectionState> {
  connection.start();
  connection.connectNow();
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      unsubscribe();
      resolve(connection.state);
    };
    const timer = setTimeout(finish, CONNECT_WAIT_MS);
    const unsubscribe = connection.onStateChange(({ status }) => {
      if (status !== 'connecting') finish();
    });
    if (connection.state.status !== 'connecting') finish();
  });
}

function shellFinding(login: LoginShell): Finding & { readonly value: LoginShell } {
  const { shell, bash, missingTools, noise } = login;
  const found = [`The login shell is ${shell || 'not named'}`, bash ?? 'there is no bash'].join('; ');
  if (bash === null || missingTools.length > 0) {
    const advice = `Have ${missingTools.join(', ')} installed on the login node, or put them on the PATH`;
    return { status: 'FAILED', found: `${found}; not found: ${missingTools.join(', ')}`, advice, value: login };
  }
  const printed = noise === '' ? '' : `; it prints ${JSON.stringify(noise.slice(0, LONGEST_NOISE))}, which is ignored`;
  return { status: 'OK', found: `${found}${printed}`, advice: null, value: login };
}

const FOUND_BY = { path: '', 'login-shell': ', found by a login shell', module: ', found by "module load slurm"' };

function slurmFinding(facts: LoginFacts): Finding & { readonly value: LoginFacts } {
  const { slurmVersion, clusterName, foundBy, clockAheadSeconds } = facts;
  const found = `Slurm ${slurmVersion}${FOUND_BY[foundBy]}; the cluster calls itself ${clusterName}`;
  if (Math.abs(clockAheadSeconds) < FEW_SECONDS) return { status: 'OK', found, advice: null, value: facts };
  const minutes = Math.round(Math.abs(clockAheadSeconds) / 60);
  return {
    status: 'WARNING',
    found: `${found}. Its clock is ${minutes} min ${clockAheadSeconds > 0 ? 'ahead of' : 'behind'} this machine's`,
    advice: 'Times may look odd: have both machines set their clocks by NTP',
    value: facts,
  };
}

async function accountingFinding(slurm: Slurm, facts: LoginFacts | null): Promise<Finding> {
  if (facts?.accountingStorage == null) {
    return {
      status: 'WARNING',
      found: 'This cluster keeps no accounting',
      advice: 'Nothing to do: how jobs end is read from Slurm and from the records that they write',
    };
  }
  const fault = await slurm.accounting.tryOut();
  if (fault === null) return { status: 'OK', found: `sacct answers (${facts.accountingStorage})`, advice: null };
  return {
    status: 'WARNING',
    found: `No answer from ${fault}`,
    advice: 'Jobs are followed without it, by the records that they write. Ask the administrators about slurmdbd',
  };
}

/** Only whether the rows can be read counts, not what they say. */
async function queueFinding(slurm: Slurm): Promise<Finding> {
  const { faultyRows } = await slurm.queue.snapshot();
  if (faultyRows.length === 0) return { status: 'OK', found: 'squeue lists the jobs', advice: null };
  return {
    status: 'WARNING',
    found: `squeue prints rows that are no jobs: ${JSON.stringify(faultyRows[0]?.slice(0, LONGEST_NOISE))}`,
    advice: 'Change the wrapper around squeue so that it prints nothing of its own',
  };
}

async function nodesFinding(slurm: Slurm): Promise<Finding> {
  const refused = await slurm.inventory.tryOut();
  if (refused !== null) throw new Error(refused);
  const { partitions, nodes } = await slurm.inventory.read();
  return { status: 'OK', found: `${partitions.size} partitions and ${nodes.length} nodes are listed`, advice: null };
}

/** Has sbatch check a job with the options that every job has, without submitting it. */
async function submitFinding(connection: SshConnection, slurm: Slurm, workspace: string): Promise<Finding> {
  const trial = new WorkspaceTrial(connection, workspace);
  await trial.make();
  try {
    const text = '#!/bin/bash -l\n';
    await connection.files.write(trial.file, Buffer.from(text), { mode: 0o600, timeoutMs: FILES_TIMEOUT_MS });
    const answer = await slurm.submission.test(workspace, trial.file);
    if (answer.kind === 'taken')
      return { status: 'OK', found: `sbatch would take a job: ${answer.message}`, advice: null };
    if (answer.kind === 'broken') throw new Error(`sbatch: ${answer.message}`);
    return {
      status: 'WARNING',
      found: `sbatch would refuse a job that asks for nothing: ${answer.message}`,
      advice: 'Give each job the partition, account or time limit that the cluster requires',
    };
  } finally {
    // A file that can't be removed says nothing about sbatch, and it is one line long.
    await trial.remove().catch(() => undefined);
  }
}

async function gitFinding(login: LoginShell | null): Promise<Finding> {
  const version = await gitVersion();
  const missing = login?.missingTools.filter((tool) => tool === 'tar' || tool === 'gzip') ?? [];
  const there = missing.length === 0 ? 'tar and gzip unpack' : `there is no ${missing.join(' and no ')} to unpack`;
  return {
    status: missing.length === 0 ? 'OK' : 'FAILED',
    found: `git ${version} packs projects on this machine; ${there} them on the cluster, which needs no git`,
    advice: missing.length === 0 ? null : `Have ${missing.join(' and ')} installed on the cluster`,
  };
}

/** Writes a file as jobs are sent and reads it in the shell: both must see it, and nobody else may write there. */
async function workspaceFinding(connection: SshConnection, slurm: Slurm, workspace: string): Promise<Finding> {
  const trial = new WorkspaceTrial(connection, workspace);
  const { isNew } = await trial.make();
  try {
    const text = `SlurmQL checks whether it can write here. ${trial.file}\n`;
    await connection.files.write(trial.file, Buffer.from(text), { mode: 0o600, timeoutMs: FILES_TIMEOUT_MS });
    const { content, freeBytes } = await trial.look();
    if (content !== text) throw new Error(`${workspace}: file requests and the shell don't see the same files there`);
    const unsafe = await slurm.submission.workspaceFault(workspace);
    if (unsafe !== null) throw new Error(unsafe);
    const room = freeBytes === null ? '' : `, ${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`;
    const found = `${workspace} ${isNew ? 'can be made and written to' : 'can be written to'}${room}`;
    if (freeBytes === null || freeBytes >= SMALL_SPACE_BYTES) return { status: 'OK', found, advice: null };
    return { status: 'WARNING', found, advice: 'Free some space, or set another "workspace" in clusters.yaml' };
  } finally {
    // A file that can't be removed says nothing about the workspace, and it is one line long.
    await trial.remove().catch(() => undefined);
  }
}
