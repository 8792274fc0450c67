import { pingScript, probeScript } from '../commands/login.ts';
import { SlurmUnavailable } from '../errors.ts';
import { joinedLines, slurmMessage } from '../parse/messages.ts';
import {
  hasExactExitCodes,
  isTooOld,
  OLDEST_SLURM,
  parseConfiguration,
  parseSearch,
  parseVersion,
} from '../parse/probe.ts';
import { timeValue } from '../parse/values.ts';
import type { LoginFacts, SlurmLogin } from '../slurm.ts';
import { absoluteWorkspace } from '../workspace.ts';
import type { SqueueQueue } from './queue.ts';
import type { Session } from './session.ts';

/** Includes the time that login shells may take. */
const PROBE_TIMEOUT_MS = 120_000;

export class ProbedLogin implements SlurmLogin {
  readonly #session: Session;
  readonly #queue: SqueueQueue;
  /** The release for which the options of squeue were tried; null: none yet. */
  #triedRelease: string | null = null;

  constructor(session: Session, queue: SqueueQueue) {
    this.#session = session;
    this.#queue = queue;
  }

  get clockAheadMs(): number {
    return this.#session.clock.aheadMs;
  }

  async probe(): Promise<LoginFacts> {
    const { settings, clock } = this.#session;
    const ask = probeScript(settings.workspace);
    const askedAt = Date.now();
    const { stdout, stderr } = await this.#session.run(ask, 'probe', PROBE_TIMEOUT_MS);
    const searched = ask.read(stdout, 'search')?.output ?? '';
    const search = parseSearch(searched);
    if (search === null) throw new SlurmUnavailable(notFound(searched));
    const version = ask.read(stdout, 'version');
    const slurmVersion = parseVersion(version?.output ?? '');
    if (version?.exitCode !== 0 || slurmVersion === null) {
      const said = slurmMessage(version?.output ?? '') || 'its answer was cut off';
      throw new SlurmUnavailable(`"sbatch --version" fails on this login: ${said}`);
    }
    const searchPath = search.foundBy === 'path' ? null : search.variables;
    this.#session.facts = { ...this.#session.facts, searchPath };
    if (isTooOld(slurmVersion)) {
      throw new SlurmUnavailable(
        `this cluster runs Slurm ${slurmVersion}, and ${OLDEST_SLURM} is the oldest that can be used: ` +
          'older ones lack "squeue --me" and other options that are needed',
      );
    }
    const section = ask.read(stdout, 'configuration');
    const configuration = section?.exitCode === 0 ? parseConfiguration(section.output) : null;
    if (configuration === null)
      throw new SlurmUnavailable(slurmMessage(ask.errors(stderr)) || '"scontrol show config" gave no answer');
    const workspace = absoluteWorkspace(
      settings.workspace,
      ask.read(stdout, 'home')?.output ?? '',
      ask.read(stdout, 'workspace')?.output ?? '',
    );
    const time = timeValue(ask.read(stdout, 'clock')?.output.trim() ?? '')?.getTime() ?? null;
    clock.compare(time, askedAt);
    this.#session.facts = {
      searchPath,
      keepsAccounts: configuration.accountingStorage !== null,
      showsFederation: configuration.showsFederation,
      hasExactCodes: hasExactExitCodes(slurmVersion),
      tracksGpus: configuration.tracksGpus,
    };
    // A restored connection doesn't repeat the trial.
    const release = `${slurmVersion} ${configuration.showsFederation}`;
    if (this.#triedRelease !== release) {
      await this.#queue.tryOut();
      this.#triedRelease = release;
    }
    return {
      ...configuration,
      slurmVersion,
      foundBy: search.foundBy,
      workspace,
      clockAheadSeconds: time === null ? 0 : Math.round((time - askedAt) / 1000),
    };
  }

  async ping(): Promise<string> {
    const ask = pingScript(this.#session.searchPath);
    const { stdout } = await this.#session.run(ask, 'ping');
    return slurmMessage(ask.read(stdout, 'ping')?.output ?? '');
  }
}

/**
 * The message for a login without Slurm, beginning with its own words, if any. `searched`: the output of the search.
 */
function notFound(searched: string): string {
  const words = joinedLines(searched.slice(searched.indexOf('\n') + 1), (line) =>
    /\bmodule: (?:command )?not found/.test(line) ? '' : line.trim(),
  );
  const guess =
    "sbatch isn't found on this login: neither directly, nor in a login shell (bash -l), nor after " +
    '"module load slurm". Is it a login node of the cluster? If so, put Slurm on the PATH in ~/.bash_profile';
  return words === '' ? guess : `"module load slurm" says on this login: ${words}. ${guess}`;
}
