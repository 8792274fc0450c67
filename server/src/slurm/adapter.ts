import type { ClusterSettings } from '../domain/cluster.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { JobObservation } from '../domain/observation.ts';
import type { CommandResult, RunOptions } from '../ssh/index.ts';
import {
  accountingScript,
  cancelScript,
  folderScript,
  inventoryScript,
  markersScript,
  NOT_UNPACKED,
  probeScript,
  queueScript,
  removeFolderScript,
  resetSubmitScript,
  SBATCH_WAIT_SECONDS,
  submitScript,
  tracesScript,
  versionScript,
} from './commands.ts';
import { SlurmUnavailable } from './errors.ts';
import { parseAccounting } from './parse/accounting.ts';
import { parseNodes, parsePartitions } from './parse/inventory.ts';
import { type EndMarker, lastEnd } from './parse/markers.ts';
import { parseQueue, type QueueSnapshot } from './parse/queue.ts';
import { isLostAnswer, parseSubmit, type SubmitAnswer, slurmMessage } from './parse/submit.ts';
import { type SubmitRequest, sbatchOptions } from './sbatch-options.ts';
import type { Script, SearchPath } from './shell.ts';

/** Whatever runs a script on the cluster's login: `SshConnection`. */
export interface Runner {
  run(script: string, options: RunOptions): Promise<CommandResult>;
}

export interface LoginFacts {
  readonly slurmVersion: string;
  /** Absolute. */
  readonly workspace: string;
}

/** Slurm's limits make its commands wait rather than fail (slurm.conf, SlurmctldParameters rl_enable). */
const QUERY_TIMEOUT_MS = 60_000;
const SUBMIT_TIMEOUT_MS = (SBATCH_WAIT_SECONDS + 60) * 1000;
const MAX_SNAPSHOT_BYTES = 64 * 1024 * 1024;
/** More ids in one question would make its command line too long. */
const ACCOUNTING_BATCH = 200;
/** The only folders that are ever removed: a ULID below the workspace. */
const JOB_FOLDER = /^\/.+\/jobs\/[0-9A-HJKMNP-TV-Z]{26}$/;

/**
 * Asks one cluster's Slurm, in its own commands. Each method throws what the runner throws (`SshUnavailable`,
 * `SshInterrupted`), or SlurmUnavailable when the login answered and Slurm didn't: then nothing is known.
 */
export class SlurmAdapter {
  readonly #runner: Runner;
  readonly #settings: ClusterSettings;
  #searchPath: SearchPath = null;

  constructor(runner: Runner, settings: ClusterSettings) {
    this.#runner = runner;
    this.#settings = settings;
  }

  /** Once a connection, before anything else: finds Slurm's commands and the workspace. */
  async probe(): Promise<LoginFacts> {
    const ask = probeScript();
    const { stdout } = await this.#runner.run(ask.text, { timeoutMs: QUERY_TIMEOUT_MS });
    const home = ask.read(stdout, 'home')?.output ?? '';
    let version = ask.read(stdout, 'version');
    const loginPath = ask.read(stdout, 'login-path')?.output.trim().split('\n').at(-1) ?? '';
    if (version?.exitCode !== 0 && loginPath !== '') {
      this.#searchPath = loginPath;
      const again = versionScript(loginPath);
      version = again.read((await this.#runner.run(again.text, { timeoutMs: QUERY_TIMEOUT_MS })).stdout, 'version');
    }
    const slurmVersion = /^slurm(?:-wlm)? (\S+)/m.exec(version?.output ?? '')?.[1];
    if (slurmVersion === undefined) {
      throw new SlurmUnavailable("sbatch isn't found on this login, neither directly nor in a login shell (bash -l)");
    }
    return { slurmVersion, workspace: absoluteWorkspace(this.#settings.workspace, home) };
  }

  async queue(): Promise<QueueSnapshot> {
    const [rows = ''] = await this.#query(queueScript(this.#searchPath), ['queue']);
    return parseQueue(rows);
  }

  /** Null when this cluster keeps no accounts, or they can't be read now. */
  async accounting(slurmJobIds: readonly string[]): Promise<readonly JobObservation[] | null> {
    const observations: JobObservation[] = [];
    for (let start = 0; start < slurmJobIds.length; start += ACCOUNTING_BATCH) {
      const ask = accountingScript(this.#searchPath, slurmJobIds.slice(start, start + ACCOUNTING_BATCH));
      const result = await this.#runner.run(ask.text, {
        timeoutMs: QUERY_TIMEOUT_MS,
        maxOutputBytes: MAX_SNAPSHOT_BYTES,
      });
      const section = ask.read(result.stdout, 'accounting');
      if (section?.exitCode !== 0) return null;
      observations.push(...parseAccounting(section.output));
    }
    return observations;
  }

  /**
   * What the batch script itself wrote about the end of its last attempt; null while that attempt has no end. The end
   * of an earlier attempt says nothing about the job.
   */
  async endMarker(workDir: string, arrayTaskId: number | null): Promise<EndMarker | null> {
    const [markers = ''] = await this.#query(markersScript(workDir, arrayTaskId), ['markers']);
    return lastEnd(markers);
  }

  async inventory(): Promise<Inventory> {
    const [partitionLines = '', nodes = ''] = await this.#query(inventoryScript(this.#searchPath), [
      'partitions',
      'nodes',
    ]);
    const partitions = parsePartitions(partitionLines);
    return { fetchedAt: new Date(), partitions, nodes: parseNodes(nodes, partitions) };
  }

  /** Makes a job's folder, or finds it as an earlier attempt left it. */
  async makeFolder(workDir: string): Promise<{ readonly isSubmitted: boolean }> {
    const [folder = ''] = await this.#query(folderScript(workDir), ['folder']);
    return { isSubmitted: folder.includes('submitted') };
  }

  /** Removes the folder of a job that Slurm didn't take. */
  async removeFolder(workDir: string): Promise<void> {
    if (!JOB_FOLDER.test(workDir)) throw new TypeError(`${workDir} is no job's folder`);
    await this.#query(removeFolderScript(workDir), ['folder']);
  }

  /** Looks for a job whose number nobody knows: what its own script left behind, then Slurm's queue. */
  async findSubmitted(
    workDir: string,
    slurmName: string,
  ): Promise<{ readonly slurmJobId: string | null; readonly isSbatchOver: boolean }> {
    const [claims = '', sbatch = ''] = await this.#query(tracesScript(workDir), ['claims', 'sbatch']);
    const claimed = /^\d+$/m.exec(claims)?.[0];
    const isSbatchOver = sbatch.trim() === 'over';
    if (claimed !== undefined) return { slurmJobId: claimed, isSbatchOver };
    const queued = (await this.queue()).observations.find((seen) => seen.slurmName === slurmName);
    return { slurmJobId: queued?.slurmJobId.split('_')[0] ?? null, isSbatchOver };
  }

  /** After it is certain that Slurm has no such job: the next `submit` runs sbatch again. */
  async resetSubmit(workDir: string): Promise<void> {
    await this.#query(resetSubmitScript(workDir), ['reset']);
  }

  /**
   * Hands the job to Slurm, at most once for its folder however often it is called. The folder must hold `job.sh`,
   * `environment.sh` and `source.tar.gz`.
   */
  async submit(request: SubmitRequest): Promise<SubmitAnswer> {
    const ask = submitScript(this.#searchPath, request.workDir, sbatchOptions(request, this.#settings.gpuRequest));
    const { stdout } = await this.#runner.run(ask.text, { timeoutMs: SUBMIT_TIMEOUT_MS });
    const code = ask.read(stdout, 'code')?.output.trim() ?? '';
    const text = (name: string) => ask.read(stdout, name)?.output ?? '';
    if (code === NOT_UNPACKED) {
      return {
        kind: 'rejected',
        message: `The project can't be unpacked on the cluster: ${slurmMessage(text('stderr'))}`,
      };
    }
    if (!/^\d+$/.test(code)) return { kind: 'unknown', message: 'sbatch gave no answer' };
    return parseSubmit(Number(code), text('stdout'), text('stderr'));
  }

  /** Asks Slurm to end jobs. That it doesn't complain is no proof: only what is seen afterwards is. */
  async cancel(slurmJobIds: readonly string[]): Promise<void> {
    await this.#query(cancelScript(this.#searchPath, slurmJobIds), ['cancel']);
  }

  /** The output of every section, each of which must be whole and have ended well. */
  async #query(ask: Script, sections: readonly string[]): Promise<string[]> {
    const result = await this.#runner.run(ask.text, {
      timeoutMs: QUERY_TIMEOUT_MS,
      maxOutputBytes: MAX_SNAPSHOT_BYTES,
    });
    return sections.map((name) => {
      const section = ask.read(result.stdout, name);
      // Some faults of the controller come with exit code 0 and a message (OSC/ood_core does the same check).
      if (section?.exitCode === 0 && !isLostAnswer(result.stderr)) return section.output;
      const said = slurmMessage(result.stderr);
      throw new SlurmUnavailable(said || `the answer to "${name}" was cut off or failed`);
    });
  }
}

/** Throws SlurmUnavailable for a home directory that can't hold the workspace. */
function absoluteWorkspace(workspace: string, home: string): string {
  // Without a home, "~/slurmql" would be a folder of the root.
  const path = workspace.startsWith('~/') ? home && `${home.replace(/\/$/, '')}${workspace.slice(1)}` : workspace;
  // sbatch reads a backslash in its file name patterns as "no replacements" (man sbatch, FILENAME PATTERN).
  if (/^\/[^\\\p{Cc}]*$/u.test(path)) return path;
  throw new SlurmUnavailable(
    `the workspace would be ${JSON.stringify(path)}, which is no plain absolute path. Set "workspace" in clusters.yaml`,
  );
}
