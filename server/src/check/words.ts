import { styleText } from 'node:util';
import type { CheckStatus, CheckStep, CheckStepName } from '../domain/cluster-check.ts';
import { printable } from './terminal.ts';

const LABELS = {
  SETTINGS: 'Settings',
  REACH: 'Reach',
  HOST_KEY: 'Host key',
  LOGIN: 'Login',
  SHELL: 'Shell',
  SLURM: 'Slurm commands',
  QUEUE: 'Queue',
  ACCOUNTING: 'Accounting',
  NODES: 'Nodes',
  SFTP: 'SFTP',
  GIT: 'git',
  WORKSPACE: 'Workspace',
  SUBMIT: 'Submission',
} as const satisfies Record<CheckStepName, string>;

const STATUSES = {
  OK: { sign: '✓', word: 'ok', style: 'green' },
  WARNING: { sign: '!', word: 'warning', style: 'yellow' },
  FAILED: { sign: '✗', word: 'failed', style: 'red' },
  SKIPPED: { sign: '–', word: 'skipped', style: 'gray' },
} as const satisfies Record<CheckStatus, object>;

const WORD_WIDTH = 7;
const LABEL_WIDTH = 14;
/** The column in which the text of a step begins. */
const TEXT_COLUMN = 2 + 2 + WORD_WIDTH + 2 + LABEL_WIDTH + 2;
/** With less room than this beside the label, the text goes below it. */
const LEAST_TEXT_WIDTH = 36;
const NARROW_COLUMN = 6;
/** Shorter durations are not shown. */
const TOLD_SECONDS = 0.1;

export function labelOf(name: CheckStepName): string {
  return LABELS[name];
}

/** A step as lines of text; coloured and wrapped only if the stream is a terminal. */
export function stepText(step: CheckStep, stream: NodeJS.WriteStream): string {
  const { sign, word, style } = STATUSES[step.status];
  // A terminal that doesn't know its width reports 0.
  const width = stream.isTTY && stream.columns > 0 ? stream.columns : Number.POSITIVE_INFINITY;
  const isWide = width - TEXT_COLUMN >= LEAST_TEXT_WIDTH;
  const column = isWide ? TEXT_COLUMN : NARROW_COLUMN;
  const wrapped = (text: string) =>
    wrap(printable(text), width - column).map((line) => `${' '.repeat(column)}${line}\n`);

  const took = step.seconds !== null && step.seconds >= TOLD_SECONDS ? ` (${step.seconds.toFixed(1)} s)` : '';
  const found = wrapped(`${step.found}${took}`).join('');
  const head = `  ${styleText(style, `${sign} ${word.padEnd(WORD_WIDTH)}`, { stream })}  ${LABELS[step.name].padEnd(LABEL_WIDTH)}`;
  const advice = step.advice === null ? '' : styleText('bold', wrapped(`→ ${step.advice}`).join(''), { stream });
  return isWide ? `${head}  ${found.slice(column)}${advice}` : `${head.trimEnd()}\n${found}${advice}`;
}

/** The result of all steps of a cluster, as one line. */
export function summaryText(name: string, steps: readonly CheckStep[], stream: NodeJS.WriteStream): string {
  const labels = (status: CheckStatus) =>
    steps.filter((step) => step.status === status).map((step) => LABELS[step.name]);
  const [failed, warned] = [labels('FAILED'), labels('WARNING')];
  if (failed.length > 0) return styleText('red', `${name}: failed: ${failed.join(', ')}`, { stream });
  if (warned.length > 0) return styleText('yellow', `${name}: usable, with warnings: ${warned.join(', ')}`, { stream });
  return styleText('green', `${name}: everything works`, { stream });
}

/** Lines of at most `width` characters, broken between words where possible. */
function wrap(text: string, width: number): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const lines = [''];
    for (const word of line.split(' ')) {
      const last = lines.length - 1;
      const longer = lines[last] === '' ? word : `${lines[last]} ${word}`;
      if (longer.length <= width || lines[last] === '') lines[last] = longer;
      else lines.push(word);
    }
    return lines;
  });
}
