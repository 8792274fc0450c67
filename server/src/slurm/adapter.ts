import type { ClusterSettings } from '../domain/cluster.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { CommandResult, RunOptions } from '../ssh/index.ts';
import { ArrayView, mayLackTask, withLackingTasks } from './array-view.ts';
import {
  ACCOUNTING_FIELDS_OF_RELEASES,
  ARRAY_OPTIONS,
  type ArrayOption,
  accountingScript,
  accountingTrial,
  begunScript,
  cancelScript,
  claimScript,
  controlScript,
  folderScript,
  inventoryScript,
  inventoryTrialScript,
  type JobControl,
  type MarkerPlace,
  markersScript,
  NOT_BEGUN,
  NOT_UNPACKED,
  optionsTrialScript,
  pingScript,
  probeScript,
  queueScript,
  queueTrial,
  RECORDS_GONE,
  removeFolderScript,
  resetSubmitScript,
  SBATCH_WAIT_SECONDS,
  submitScript,
  submitTestScript,
  type Trial,
  tracesScript,
} from './commands.ts';
import { SlurmUnavailable, UnreadableAnswer } from './errors.ts';
import { jobLists } from './job-list.ts';
import { type JobAccount, readAccounting } from './parse/accounting.ts';
import { ClusterClock } from './parse/clock.ts';
import { parseControl } from './parse/control.ts';
import { parsePartitions, readNodes } from './parse/inventory.ts';
import { type LastRecord, lastEnd, readBegun } from './parse/markers.ts';
import { joinedLines, slurmMessage } from './parse/messages.ts';
import {
  hasExactExitCodes,
  isTooOld,
  OLDEST_SLURM,
  parseConfiguration,
  parseSearch,
  parseVersion,
  type SlurmConfiguration,
  type SlurmFoundBy,
} from './parse/probe.ts';
import { isCutOff, mentions, QueueReader, type QueueSnapshot } from './parse/queue.ts';
import { isLostAnswer, parseSubmit, type SubmitAnswer } from './parse/submit.ts';
import { type TrialOutcome, trialOutcome } from './parse/trial.ts';
import { inTurns, Pace } from './parse/turns.ts';
import { numberValue, timeValue } from './parse/values.ts';
import { type SubmitRequest, sbatchOptions } from './sbatch-options.ts';
import type { Script, SearchPath } from './shell.ts';
import { Together, type Unreadable } from './together.ts';
import { absoluteWorkspace, workspaceOf } from './workspace.ts';
import { findSafetyFault, safetyFault } from './workspace-safety.ts';

/** Whatever runs a script on the cluster's login: `SshConnection`. */
export interface Runner {
  run(script: string, options: RunOptions): Promise<CommandResult>;
}

export interface SubmitTraces {
  readonly slurmJobId: string | null;
  readonly sbatch: 'over' | 'running' | 'elsewhere';
}

/** One run of a job, or of one task of an array. */
export interface AttemptPlace extends MarkerPlace {
  /** 1 is the first. */
  readonly attempt: number;
}

/** Whether a command had begun; `gone`: nobody can say any more; `unreadable`: nobody can say now, and why. */
export type Begun = boolean | 'gone' | Unreadable;

/** By task, or of the job, the last attempt whose command has begun. */
type BegunOfTasks = ReadonlyMap<string, number>;

/** What a login was found to be at its connect. */
export interface LoginFacts extends SlurmConfiguration {
  readonly slurmVersion: string;
  readonly foundBy: SlurmFoundBy;
  /** How far the login's clock is ahead of this machine's, in whole seconds; negative: behind. */
  readonly clockAheadSeconds: number;
  /** Absolute. */
  readonly workspace: string;
}

/** The answer of Slurm's accounting: accounts, or that this cluster keeps none, or why they can't be read now. */
export type Accounting =
  | {
      readonly kind: 'read';
      readonly accounts: readonly JobAccount[];
      /** The numbers of jobs, an array's for its tasks, of which sacct prints rows that can't be read. */
      readonly unread: ReadonlySet<string>;
      /** Else an exit code is the script's own, or 128 less. */
      readonly hasExactCodes: boolean;
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly message: string };

/** What sbatch says of a job that isn't submitted. */
export interface SubmitTest {
  readonly kind: 'taken' | 'refused' | 'broken';
  readonly message: string;
}

/** A job that asks for nothing. */
const ANY_JOB: Omit<SubmitRequest, 'workDir'> = {
  slurmName: 'test',
  partition: null,
  resources: {
    ...{ nodes: null, maxNodes: null, tasks: null, cpusPerTask: null, memoryMb: null },
    ...{ gpus: null, gpusTotal: null, gpusPerTask: null, gpuType: null },
    ...{ timeLimitMinutes: null, account: null, qos: null, array: null },
  },
  dependsOn: [],
  isSingleton: false,
  extraOptions: [],
  components: [],
};

/** Slurm's limits make its commands wait rather than fail (slurm.conf, SlurmctldParameters rl_enable). */
const QUERY_TIMEOUT_MS = 60_000;
/** With the time that login shells may take. */
const PROBE_TIMEOUT_MS = 120_000;
const SUBMIT_TIMEOUT_MS = (SBATCH_WAIT_SECONDS + 60) * 1000;
const MAX_SNAPSHOT_BYTES = 64 * 1024 * 1024;
/** What the shell counts of them, and no more. */
const MAX_FAILURES = 1000;
/** More ids in one question would make its command line too long. */
const ACCOUNTING_BATCH = 200;
/** More would make one script too long. */
const PLACES_A_LOOK = 200;
const WORKSPACE_ADVICE =
  'Free some space there, or let "workspace" in clusters.yaml name a folder that can be written. It is tried again by itself';
/** tar's words where it isn't the archive's fault: a file that is cut off by the end of the room has none for why. */
const NO_ROOM = /no space left|quota exceeded|wrote only \d+ of|short write|write error/i;
/** Of getopt, and of Slurm's own reading of fields. */
const REFUSES_OPTION = /\boption\b|invalid (?:job format|field)/i;
/** The only folders that are ever removed: a ULID below the workspace. */
const JOB_FOLDER = /^\/.+\/jobs\/[0-9A-HJKMNP-TV-Z]{26}$/;

/**
 * Asks one cluster's Slurm, in its own commands. Each method throws what the runner throws (`SshUnavailable`,
 * `SshInterrupted`), or SlurmUnavailable when the login answered and Slurm didn't: then nothing is known.
 */
export class SlurmAdapter {
  readonly #runner: Runner;
  readonly #settings: ClusterSettings;
  readonly #clock = new ClusterClock();
  readonly #queueReader = new QueueReader();
  #searchPath: SearchPath = null;
  /** Null: not known yet. */
  #keepsAccounts: boolean | null = null;
  #showsFederation = false;
  #hasExactCodes = false;
  #tracksGpus = false;
  /** The release for which it is known how squeue can be asked; null: none yet. */
  #triedRelease: string | null = null;
  #arrays: ArrayOption = ARRAY_OPTIONS[0];
  readonly #arrayView = new ArrayView();
  readonly #ends = new Together(PLACES_A_LOOK);
  readonly #begun = new Together(PLACES_A_LOOK);
  #accountingFields: readonly string[] = ACCOUNTING_FIELDS_OF_RELEASES[0];

  constructor(runner: Runner, settings: ClusterSettings) {
    this.#runner = runner;
    this.#settings = settings;
  }

  /**
   * Once a connection, before anything else: finds Slurm's commands and the workspace, and asks Slurm for what its
   * clusters differ in. Throws SlurmUnavailable also for a Slurm that is too old.
   */
  async probe(): Promise<LoginFacts> {
    const ask = probeScript(this.#settings.workspace);
    const askedAt = Date.now();
    const { stdout, stderr } = await this.#runner.run(ask.text, { timeoutMs: PROBE_TIMEOUT_MS, kind: 'probe' });
    const searched = ask.read(stdout, 'search')?.output ?? '';
    const search = parseSearch(searched);
    if (search === null) throw new SlurmUnavailable(notFound(searched));
    const version = ask.read(stdout, 'version');
    const slurmVersion = parseVersion(version?.output ?? '');
    if (version?.exitCode !== 0 || slurmVersion === null) {
      const said = slurmMessage(version?.output ?? '') || 'its answer was cut off';
      throw new SlurmUnavailable(`"sbatch --version" fails on this login: ${said}`);
    }
    this.#searchPath = search.foundBy === 'path' ? null : search.variables;
    if (isTooOld(slurmVersion)) {
      throw new SlurmUnavailable(
        `this cluster runs Slurm ${slurmVersion}, and ${OLDEST_SLURM} is the oldest that can be used: ` +
          'older ones lack "squeue --me" and other things that are asked for',
      );
    }
    const configuration = ask.read(stdout, 'configuration');
    const facts = configuration?.exitCode === 0 ? parseConfiguration(configuration.output) : null;
    if (facts === null)
      throw new SlurmUnavailable(slurmMessage(ask.errors(stderr)) || '"scontrol show config" gave no answer');
    const workspace = absoluteWorkspace(
      this.#settings.workspace,
      ask.read(stdout, 'home')?.output ?? '',
      ask.read(stdout, 'workspace')?.output ?? '',
    );
    const clock = timeValue(ask.read(stdout, 'clock')?.output.trim() ?? '')?.getTime() ?? null;
    this.#clock.compare(clock, askedAt);
    this.#keepsAccounts = facts.accountingStorage !== null;
    this.#showsFederation = facts.showsFederation;
    this.#hasExactCodes = hasExactExitCodes(slurmVersion);
    this.#tracksGpus = facts.tracksGpus;
    // A connection that comes back waits for nothing that is known.
    const release = `${slurmVersion} ${facts.showsFederation}`;
    if (this.#triedRelease !== release) {
      await this.#tryQueue();
      this.#triedRelease = release;
    }
    return {
      ...facts,
      slurmVersion,
      foundBy: search.foundBy,
      workspace,
      clockAheadSeconds: clock === null ? 0 : Math.round((clock - askedAt) / 1000),
    };
  }

  /** Finds out how squeue can be asked here: what the questions need comes and goes with Slurm's releases. */
  async #tryQueue(): Promise<void> {
    const outcome = await this.#try(queueTrial(this.#searchPath, this.#showsFederation));
    if ('fault' in outcome)
      throw new SlurmUnavailable(`Slurm's queue can't be asked for on this login: ${outcome.fault}`);
    this.#arrays = ARRAY_OPTIONS[outcome.way] ?? ARRAY_OPTIONS[0];
  }

  /**
   * What `scontrol ping` says of the controllers, such as "Slurmctld(primary) at head is DOWN"; '' when it says nothing.
   * Cheap for a controller that is away, and it waits for one that hangs (slurm.conf, MessageTimeout).
   */
  async ping(): Promise<string> {
    const ask = pingScript(this.#searchPath);
    const { stdout } = await this.#runner.run(ask.text, { timeoutMs: QUERY_TIMEOUT_MS, kind: 'ping' });
    return slurmMessage(ask.read(stdout, 'ping')?.output ?? '');
  }

  /** Finds out how sacct can be asked here, with the very question; gives why it can't, or null. */
  async tryAccounting(): Promise<string | null> {
    const outcome = await this.#try(accountingTrial(this.#searchPath));
    if ('fault' in outcome) return outcome.fault;
    this.#accountingFields = ACCOUNTING_FIELDS_OF_RELEASES[outcome.way] ?? ACCOUNTING_FIELDS_OF_RELEASES[0];
    return null;
  }

  /** Tries the questions for partitions and nodes; gives why they are refused, or null also where nobody answers. */
  async tryInventory(): Promise<string | null> {
    const ask = inventoryTrialScript(this.#searchPath);
    const { stdout } = await this.#runner.run(ask.text, { timeoutMs: QUERY_TIMEOUT_MS, kind: 'probe' });
    const faults = [
      ...new Set(
        ['partitions', 'nodes'].flatMap((name) => {
          const section = ask.read(stdout, name);
          if (section === null || section.exitCode === 0 || isLostAnswer(section.output)) return [];
          return slurmMessage(section.output) || `it ended with code ${section.exitCode}`;
        }),
      ),
    ];
    return faults.length === 0 ? null : `scontrol: ${faults.join('; ')}`;
  }

  /** Tries the options that every job has; gives why sbatch refuses one, or null also where it says nothing of them. */
  async tryOptions(): Promise<string | null> {
    const options = sbatchOptions({ ...ANY_JOB, workDir: '/' }, this.#settings.gpuRequest);
    const ask = optionsTrialScript(this.#searchPath, options);
    const { stdout } = await this.#runner.run(ask.text, { timeoutMs: QUERY_TIMEOUT_MS, kind: 'probe' });
    const section = ask.read(stdout, 'sbatch');
    const message = section === null || section.exitCode === 0 ? '' : slurmMessage(section.output);
    const isRefusal = options.some((one) => message.includes(one.replace(/=.*/, '')));
    return isRefusal ? `sbatch: ${message}` : null;
  }

  async #try(trial: Trial): Promise<TrialOutcome> {
    const { stdout } = await this.#runner.run(trial.script.text, { timeoutMs: QUERY_TIMEOUT_MS, kind: 'probe' });
    return trialOutcome(trial, stdout);
  }

  /** Every job of this login that Slurm knows of. */
  async queue(): Promise<QueueSnapshot> {
    try {
      return await this.#look();
    } catch (cause) {
      // Slurm on the login may have been replaced since it was tried.
      if (!(cause instanceof SlurmUnavailable && REFUSES_OPTION.test(cause.message))) throw cause;
      await this.#tryQueue();
      return this.#look();
    }
  }

  async #look(): Promise<QueueSnapshot> {
    // squeue has a cheap way of its own to keep tasks apart.
    if (this.#arrays === '--array-unique') return this.#askQueue(this.#arrays);
    if (!this.#arrayView.isApart) {
      const together = await this.#askQueue(null);
      if (this.#arrayView.sawTogether(together.observations)) return together;
    }
    const apart = await this.#askQueue(this.#arrays);
    this.#arrayView.sawApart(apart.observations);
    return mayLackTask(apart.observations) ? withLackingTasks(apart, await this.#askQueue(null)) : apart;
  }

  async #askQueue(arrays: ArrayOption | null): Promise<QueueSnapshot> {
    const askedAt = Date.now();
    const ask = queueScript(this.#searchPath, this.#showsFederation, arrays);
    const [clock = '', rows = ''] = await this.#query(ask, ['clock', 'queue'], 'queue');
    this.#clock.compare(timeValue(clock.trim())?.getTime() ?? null, askedAt);
    if (isCutOff(rows)) throw new SlurmUnavailable('the answer of squeue ends in the middle of a row');
    return this.#queueReader.read(rows, this.#clock, this.#tracksGpus);
  }

  /** How far the cluster's clock is ahead of this server's, in ms; what was read is corrected by it. 0 within seconds. */
  get clockAheadMs(): number {
    return this.#clock.aheadMs;
  }

  /**
   * What is known of jobs that may have left Slurm's memory; of a task, with all the others of its array. Throws only
   * what the runner throws.
   */
  async accounting(slurmJobIds: readonly string[]): Promise<Accounting> {
    if (this.#keepsAccounts === false) return { kind: 'none' };
    const accounts: JobAccount[] = [];
    const unread = new Set<string>();
    // An array is asked for as one: sacct doesn't find a task that never started by the task's own id.
    const numbers = [...new Set(slurmJobIds.map((slurmJobId) => slurmJobId.split('_')[0] ?? ''))];
    for (let start = 0; start < numbers.length; start += ACCOUNTING_BATCH) {
      const batch = numbers.slice(start, start + ACCOUNTING_BATCH);
      let answer = await this.#askAccounting(batch);
      // A release before 21.08 that hasn't been tried yet.
      if ('refused' in answer && REFUSES_OPTION.test(answer.refused) && (await this.tryAccounting()) === null) {
        answer = await this.#askAccounting(batch);
      }
      if ('refused' in answer) {
        if (/accounting storage is disabled/i.test(answer.refused)) return { kind: 'none' };
        return { kind: 'unreadable', message: answer.refused };
      }
      const read = await inTurns(readAccounting(answer.rows, this.#clock, this.#hasExactCodes, this.#tracksGpus));
      for (const account of read.accounts) accounts.push(account);
      for (const number of read.unread) unread.add(number);
    }
    return { kind: 'read', accounts, unread, hasExactCodes: this.#hasExactCodes };
  }

  async #askAccounting(
    slurmNumbers: readonly string[],
  ): Promise<{ readonly rows: string } | { readonly refused: string }> {
    const ask = accountingScript(this.#searchPath, slurmNumbers, this.#accountingFields);
    const result = await this.#runner.run(ask.text, {
      timeoutMs: QUERY_TIMEOUT_MS,
      maxOutputBytes: MAX_SNAPSHOT_BYTES,
      kind: 'accounting',
    });
    const section = ask.read(result.stdout, 'accounting');
    const errors = ask.errors(result.stderr);
    if (section?.exitCode !== 0 || isLostAnswer(errors)) {
      return { refused: slurmMessage(errors) || 'sacct gave no whole answer' };
    }
    if (section.output === '' || section.output.endsWith('\n')) return { rows: section.output };
    return { refused: 'the answer of sacct ends in the middle of a row' };
  }

  /**
   * What the batch scripts of jobs themselves wrote about the ends of their last attempts, asked with one command. The
   * end of an earlier attempt says nothing about the job.
   */
  async endMarkers(places: readonly MarkerPlace[]): Promise<readonly (LastRecord | Unreadable)[]> {
    // Each task of an array has a place of its own.
    const byKey = new Map(places.map((place) => [`${place.workDir}/${place.arrayTaskId ?? 'job'}`, place]));
    const ends = await this.#ends.ask(byKey.keys(), async (keys) => {
      const asked = keys.flatMap((key) => byKey.get(key) ?? []);
      const sections = asked.map((_place, index) => `markers-${index}`);
      const texts = await this.#query(markersScript(asked), sections, 'markers');
      return new Map(keys.map((key, index) => [key, this.#lastRecord(texts[index] ?? '')]));
    });
    return places.map(({ workDir, arrayTaskId }) => ends.get(`${workDir}/${arrayTaskId ?? 'job'}`) ?? null);
  }

  /** A job may write what nobody else would in the place of its own record: that is no end, and says nothing of others. */
  #lastRecord(text: string): LastRecord {
    try {
      return lastEnd(text, this.#clock);
    } catch (cause) {
      if (cause instanceof UnreadableAnswer) return 'begun';
      throw cause;
    }
  }

  /**
   * Whether the command of an attempt had begun, as its batch script wrote down. What was written in the last minute or
   * so may not be seen yet.
   */
  async hasBegun(attempts: readonly AttemptPlace[]): Promise<readonly Begun[]> {
    const begun = await this.#begun.ask(
      attempts.map(({ workDir }) => workDir),
      (folders) => this.#lookForBegun(folders),
    );
    return attempts.map(({ workDir, arrayTaskId, attempt }) => {
      const records = begun.get(workDir) ?? 'gone';
      if (records === 'gone') return records;
      if ('unreadable' in records) return { unreadable: `${workDir}/run: ${records.unreadable}` };
      return (records.get(`${arrayTaskId ?? 'job'}`) ?? 0) >= attempt;
    });
  }

  async #lookForBegun(folders: readonly string[]): Promise<ReadonlyMap<string, BegunOfTasks | 'gone' | Unreadable>> {
    const ask = begunScript(folders);
    const result = await this.#runner.run(ask.text, {
      timeoutMs: QUERY_TIMEOUT_MS,
      maxOutputBytes: MAX_SNAPSHOT_BYTES,
      kind: 'markers',
    });
    const pace = new Pace();
    const found = new Map<string, BegunOfTasks | 'gone' | Unreadable>();
    for (const [index, folder] of folders.entries()) {
      const section = ask.read(result.stdout, `begun-${index}`);
      if (section === null) {
        const said = slurmMessage(ask.errors(result.stderr));
        throw new SlurmUnavailable(said || 'the list of what has begun was cut off');
      }
      if (section.exitCode === 0) found.set(folder, await begunIn(section.output, pace));
      else if (section.exitCode === RECORDS_GONE) found.set(folder, 'gone');
      else found.set(folder, { unreadable: slurmMessage(section.output) });
    }
    return found;
  }

  /** The Slurm job, as jobs are numbered here, whose batch script has claimed the job's folder; null: none has. */
  async claimer(workDir: string, arrayTaskId: number | null): Promise<string | null> {
    const [claim = ''] = await this.#query(claimScript(workDir, arrayTaskId), ['claim'], 'markers');
    const number = /^\d{1,10}$/m.exec(claim)?.[0] ?? null;
    return number === null || arrayTaskId === null ? number : `${number}_${arrayTaskId}`;
  }

  async inventory(): Promise<Inventory> {
    const [partitionLines = '', nodes = ''] = await this.#query(
      inventoryScript(this.#searchPath),
      ['partitions', 'nodes'],
      'inventory',
    );
    const partitions = parsePartitions(partitionLines);
    return { fetchedAt: new Date(), partitions, nodes: await inTurns(readNodes(nodes, partitions)) };
  }

  /** Makes a job's folder, or finds it as an earlier attempt left it. Refused where others could replace it. */
  async makeFolder(workDir: string): Promise<{ readonly isSubmitted: boolean }> {
    const ask = folderScript(workDir);
    const result = await this.#runner.run(ask.text, { timeoutMs: QUERY_TIMEOUT_MS, kind: 'submit' });
    const section = ask.read(result.stdout, 'folder');
    if (section?.exitCode !== 0) {
      throw new SlurmUnavailable(
        `The workspace can't be written: ${slurmMessage(ask.errors(result.stderr))}. ${WORKSPACE_ADVICE}`,
      );
    }
    const safety = ask.read(result.stdout, 'safety')?.output ?? '';
    const fault = safetyFault(workspaceOf(workDir), safety, this.#settings.workspaceTrusts ?? []);
    if (fault !== null) throw new SlurmUnavailable(fault);
    return { isSubmitted: section.output.includes('submitted') };
  }

  /** Why nothing is run in the workspace: others could put their own commands there; null: they couldn't. */
  workspaceFault(workspace: string): Promise<string | null> {
    return findSafetyFault(this.#runner, workspace, this.#settings.workspaceTrusts ?? []);
  }

  /** Removes the folder of a job that Slurm didn't take. */
  async removeFolder(workDir: string): Promise<void> {
    if (!JOB_FOLDER.test(workDir)) throw new TypeError(`${workDir} is no job's folder`);
    await this.#query(removeFolderScript(workDir), ['folder'], 'submit');
  }

  /**
   * Looks for a job whose number nobody knows: what its own script left behind, then Slurm's queue. `sbatch`: whether
   * it may still be at work; `elsewhere` where this login node can't tell.
   */
  async findSubmitted(workDir: string, jobId: string): Promise<SubmitTraces> {
    const [claims = '', words = ''] = await this.#query(tracesScript(workDir), ['claims', 'sbatch'], 'submit');
    const claimed = /^\d{1,10}$/m.exec(claims)?.[0];
    const sbatch = (['over', 'running'] as const).find((word) => word === words.trim()) ?? 'elsewhere';
    if (claimed !== undefined) return { slurmJobId: claimed, sbatch };
    const { observations, faultyRows } = await this.queue();
    // Before it has claimed its folder, no job that it submitted by itself can be there: the folder tells, too, where
    // a wrapper hands on a copy of the script.
    const recorded = observations.filter((seen) => (seen.ownerId ?? seen.folderId) === jobId);
    // What Slurm refused for its resources leaves records behind, of a heterogeneous job one of each component.
    const isRefused = recorded.some(({ state, reason }) => state === 'FAILED' && reason === 'BadConstraints');
    const queued = isRefused ? undefined : recorded[0];
    if (queued === undefined && mentions(faultyRows)({ slurmJobId: null, id: jobId, arrayParentId: null })) {
      throw new SlurmUnavailable("squeue shows the job in a row that can't be read");
    }
    return { slurmJobId: queued?.slurmJobId.split('_')[0] ?? null, sbatch };
  }

  /**
   * After it is certain that Slurm has no such job: the next `submit` runs sbatch again. `isLost`: sbatch ended without
   * an answer. Gives how often it has done so for this job.
   */
  async resetSubmit(workDir: string, isLost: boolean): Promise<number> {
    const [, failures = ''] = await this.#query(resetSubmitScript(workDir, isLost), ['reset', 'failures'], 'submit');
    return numberValue(failures.trim(), MAX_FAILURES, 'number of failures') ?? 0;
  }

  /**
   * Hands the job to Slurm, at most once for its folder however often it is called. The folder must hold `job.sh`,
   * `environment.sh` and `source.tar.gz`.
   */
  async submit(request: SubmitRequest): Promise<SubmitAnswer> {
    const ask = submitScript(this.#searchPath, request.workDir, sbatchOptions(request, this.#settings.gpuRequest));
    const { stdout, stderr } = await this.#runner.run(ask.text, { timeoutMs: SUBMIT_TIMEOUT_MS, kind: 'submit' });
    const code = ask.read(stdout, 'code')?.output.trim() ?? '';
    const text = (name: string) => ask.read(stdout, name)?.output ?? '';
    if (code === NOT_BEGUN) {
      throw new SlurmUnavailable(
        `The workspace can't be written: ${slurmMessage(ask.errors(stderr))}. ${WORKSPACE_ADVICE}`,
      );
    }
    if (code === NOT_UNPACKED) {
      const message = `The project can't be unpacked on the cluster: ${slurmMessage(text('stderr'))}`;
      if (!NO_ROOM.test(message)) return { kind: 'rejected', message };
      return { kind: 'not-asked', message: `${message}. ${WORKSPACE_ADVICE}` };
    }
    if (!/^\d+$/.test(code)) return { kind: 'unknown', message: 'sbatch gave no answer', isRefusal: false };
    return parseSubmit(Number(code), text('stdout'), text('stderr'));
  }

  /**
   * Has sbatch look at a batch script with the options that every job has, and submits nothing. `broken`: it doesn't
   * understand them, or can't ask Slurm; `refused`: Slurm wants more of a job, in its own words.
   */
  async testSubmit(workDir: string, batchScript: string): Promise<SubmitTest> {
    const options = sbatchOptions({ ...ANY_JOB, workDir }, this.#settings.gpuRequest);
    const ask = submitTestScript(this.#searchPath, workDir, options, batchScript);
    const { stdout } = await this.#runner.run(ask.text, { timeoutMs: SUBMIT_TIMEOUT_MS, kind: 'probe' });
    const section = ask.read(stdout, 'sbatch');
    const message = slurmMessage(section?.output ?? '');
    if (section === null) return { kind: 'broken', message: 'its answer was cut off' };
    if (section.exitCode === 0 && !isLostAnswer(section.output)) return { kind: 'taken', message };
    const isBroken = message === '' || isLostAnswer(section.output) || REFUSES_OPTION.test(message);
    return { kind: isBroken ? 'broken' : 'refused', message: message || `it ended with code ${section.exitCode}` };
  }

  /** Asks Slurm to end jobs. That it doesn't complain is no proof: only what is seen afterwards is. */
  async cancel(slurmJobIds: readonly string[]): Promise<void> {
    await this.#query(cancelScript(this.#searchPath, slurmJobIds), ['cancel']);
  }

  /**
   * Holds, releases or requeues groups of jobs. For each group null when Slurm did so (of an array, at least for a part
   * of its tasks), else its refusal in its own words. As with `cancel`, what becomes of the jobs is seen afterwards.
   */
  async control(action: JobControl, groups: readonly (readonly string[])[]): Promise<readonly (string | null)[]> {
    const listsOf = groups.map(jobLists);
    const ask = controlScript(this.#searchPath, action, listsOf.flat());
    const { stdout } = await this.#runner.run(ask.text, { timeoutMs: QUERY_TIMEOUT_MS, kind: action });
    let index = 0;
    return listsOf.map((lists) => {
      const refusals = lists.map(() => {
        const section = ask.read(stdout, `control-${index}`);
        index += 1;
        if (section === null) throw new SlurmUnavailable(`the answer of scontrol ${action} was cut off`);
        if (isLostAnswer(section.output)) throw new SlurmUnavailable(slurmMessage(section.output));
        return parseControl(section.exitCode, section.output);
      });
      return refusals.includes(null) ? null : (refusals[0] ?? null);
    });
  }

  /**
   * The output of every section, each of which must be whole and have ended well. `kind`: what it is counted as; the
   * first section's name unless given.
   */
  async #query(ask: Script, sections: readonly string[], kind = sections[0] ?? 'other'): Promise<string[]> {
    const result = await this.#runner.run(ask.text, {
      timeoutMs: QUERY_TIMEOUT_MS,
      maxOutputBytes: MAX_SNAPSHOT_BYTES,
      kind,
    });
    return sections.map((name) => {
      const section = ask.read(result.stdout, name);
      const errors = ask.errors(result.stderr);
      // Some faults of the controller come with exit code 0 and a message (OSC/ood_core does the same check).
      if (section?.exitCode === 0 && !isLostAnswer(errors)) return section.output;
      const ending = section === null ? 'was cut off' : `ended with exit code ${section.exitCode}`;
      throw new SlurmUnavailable(slurmMessage(errors) || `the answer to "${name}" ${ending}`);
    });
  }
}

/** A job may make any number of records: of others' that says nothing. */
async function begunIn(output: string, pace: Pace): Promise<BegunOfTasks | Unreadable> {
  try {
    return await inTurns(readBegun(output, pace));
  } catch (cause) {
    if (cause instanceof UnreadableAnswer) return { unreadable: cause.message };
    throw cause;
  }
}

/** A login without Slurm: in its own words first, where it has any. `searched`: what the search for sbatch printed. */
function notFound(searched: string): string {
  const words = joinedLines(searched.slice(searched.indexOf('\n') + 1), (line) =>
    /\bmodule: (?:command )?not found/.test(line) ? '' : line.trim(),
  );
  const guess =
    "sbatch isn't found on this login: neither directly, nor in a login shell (bash -l), nor after " +
    '"module load slurm". Is it a login node of the cluster? If so, put Slurm on the PATH in ~/.bash_profile';
  return words === '' ? guess : `"module load slurm" says on this login: ${words}. ${guess}`;
}
