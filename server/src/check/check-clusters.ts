import { type AskPerson, checkSteps } from '../clusters/index.ts';
import type { ClusterSettings } from '../domain/cluster.ts';
import { CHECK_STEPS, type CheckStep } from '../domain/cluster-check.ts';
import { SshConnection, type SshEnvironment } from '../ssh/index.ts';
import { askAt } from './ask.ts';
import type { Terminal } from './terminal.ts';
import { labelOf, stepText, summaryText } from './words.ts';

export interface CheckRequest {
  readonly clusters: readonly ClusterSettings[];
  readonly sshEnvironment: SshEnvironment;
  readonly terminal: Terminal;
  /** Print one JSON document at the end instead of a line for each step. */
  readonly asJson: boolean;
}

/**
 * Checks each cluster step by step, one cluster after the other, and prints each step as it ends. Logs in to each once,
 * over a connection of its own, so a running server is not affected. Resolves to true if there was at least one cluster
 * and no step failed.
 */
export async function checkClusters(request: CheckRequest): Promise<boolean> {
  const { clusters, terminal, asJson } = request;
  const { output } = terminal;
  // A terminal without colours (TERM=dumb) may be unable to move its cursor.
  const hint = new Hint(output, !asJson && output.isTTY && output.hasColors());
  const ask: AskPerson = (prompt, signal) => {
    hint.clear();
    return askAt(terminal)(prompt, signal);
  };
  const checked: { readonly name: string; readonly steps: readonly CheckStep[] }[] = [];
  for (const settings of clusters) {
    const steps: CheckStep[] = [];
    if (!asJson) output.write(`${settings.name} (${settings.host})\n`);
    hint.show('Connecting');
    for await (const step of stepsOf(settings, request.sshEnvironment, ask)) {
      steps.push(step);
      hint.clear();
      if (!asJson) output.write(stepText(step, output));
      const next = CHECK_STEPS[steps.length];
      if (next !== undefined) hint.show(labelOf(next));
    }
    if (!asJson) output.write('\n');
    checked.push({ name: settings.name, steps });
  }
  if (asJson) output.write(`${JSON.stringify({ clusters: checked }, null, 2)}\n`);
  else for (const { name, steps } of checked) output.write(`${summaryText(name, steps, output)}\n`);
  return checked.length > 0 && checked.every(({ steps }) => steps.every(({ status }) => status !== 'FAILED'));
}

async function* stepsOf(
  settings: ClusterSettings,
  environment: SshEnvironment,
  ask: AskPerson,
): AsyncGenerator<CheckStep, void, undefined> {
  const connection = new SshConnection(settings, environment);
  let wasOnline = false;
  // A lost connection would reconnect by itself, which would be a second login.
  const unsubscribe = connection.onStateChange(({ status }) => {
    if (wasOnline && status !== 'online') void connection.stop();
    wasOnline ||= status === 'online';
  });
  try {
    yield* checkSteps(settings, connection, ask);
  } finally {
    unsubscribe();
    await connection.stop();
  }
}

/** Shows progress in a line that is erased again; does nothing where there is no terminal. */
class Hint {
  readonly #output: NodeJS.WriteStream;
  readonly #isShown: boolean;

  constructor(output: NodeJS.WriteStream, isShown: boolean) {
    this.#output = output;
    this.#isShown = isShown;
  }

  show(text: string): void {
    if (this.#isShown) this.#output.write(`  … ${text}`);
  }

  clear(): void {
    if (!this.#isShown) return;
    this.#output.cursorTo(0);
    this.#output.clearLine(0);
  }
}
