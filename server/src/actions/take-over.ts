import type { Refusal } from '../domain/refusal.ts';
import {
  type Directive,
  interpreterFault,
  interpreterNotice,
  type LineRemark,
  readDirectives,
  readMegabytes,
  readMinutes,
  rivalsOf,
} from '../slurm/index.ts';
import { FieldCheck } from './fields.ts';
import type { SubmitJob } from './launch-request.ts';

export interface TakenOver {
  /** Including the options of the #SBATCH lines of its command. */
  readonly input: SubmitJob;
  readonly refusals: readonly Refusal[];
  /** What happened to lines that were not used, one line for each; null: there were none. */
  readonly message: string | null;
}

/** Options that only SlurmQL can set, and what applies instead. */
const UNUSED: Readonly<Record<string, string>> = {
  error: "standard error is the job's own stderr.log",
  'get-user-env': 'the job gets the environment of a login shell',
  'open-mode': 'logs are always appended to',
  output: "standard output is the job's own stdout.log",
  parsable: 'it affects only what sbatch prints',
  quiet: 'it affects only what sbatch prints',
  verbose: 'it affects only what sbatch prints',
  wait: 'a submission never waits for the job to end',
};

const REFUSED: Readonly<Record<string, string>> = {
  chdir: 'a job starts in the checked-out project: use "cd" in the command',
  clusters: 'choose the cluster with the field cluster',
  'gpus-per-socket': 'request GPUs with gpus, gpusTotal or gpusPerTask',
  input: 'redirect from the file with "<" in the command',
};

/** Options that change nothing, because they apply anyway. */
const IDLE: readonly (readonly [string, string | null])[] = [
  ['export', 'ALL'],
  ['ignore-pbs', null],
  ['open-mode', 'append'],
];

/**
 * Turns the #SBATCH lines at the head of a pasted script into fields and further options. As with sbatch, the request
 * itself overrides a line; the message says so.
 */
export function takeOver(asked: SubmitJob): TakenOver {
  const head = readDirectives(asked.command);
  const check = new FieldCheck();
  const notices: LineRemark[] = [...head.notices];
  for (const { line, message } of head.faults) check.fault('command', `line ${line} ${message}`);
  const interpreter = interpreterFault(asked.command);
  if (interpreter !== null) check.fault('command', `line 1 ${interpreter}`);
  const difference = interpreterNotice(asked.command);
  if (difference !== null) notices.push({ line: 1, message: difference });

  const request = new Request(asked);
  for (const directive of latest(head.directives, notices)) {
    const { name, value, line } = directive;
    if (IDLE.some(([idle, idleValue]) => idle === name && idleValue === value)) continue;
    const unused = UNUSED[name];
    const refused = REFUSED[name];
    if (unused !== undefined) notices.push({ line, message: `not used: ${unused}` });
    else if (refused !== undefined) check.fault('command', `line ${line}, ${written(directive)}: ${refused}`);
    else {
      const said = request.take(directive);
      if (said?.kind === 'fault') check.fault('command', `line ${line}, ${written(directive)}: ${said.message}`);
      else if (said?.kind === 'notice') notices.push({ line, message: said.message });
    }
  }
  const lines = asked.command.split('\n');
  // Many options of one line may be told the same.
  const told = [...new Map(notices.map((notice) => [`${notice.line} ${notice.message}`, notice])).values()];
  const message = told
    .sort((left, right) => left.line - right.line)
    .map(({ line, message: words }) => `Line ${line}, ${lines[line - 1]?.trim().slice(0, 100)}: ${words}`)
    .join('\n');
  return { input: request.input, refusals: check.refusals, message: message || null };
}

function written({ name, value }: Directive): string {
  return value === null ? `--${name}` : `--${name}=${value}`;
}

/** If an option is given twice, sbatch takes the last; those of --gres are joined instead. */
function latest(directives: readonly Directive[], notices: LineRemark[]): readonly Directive[] {
  const last = new Map(directives.map((one) => [one.name, one]));
  return directives.filter((one) => {
    const later = last.get(one.name);
    if (later === undefined || one.name === 'gres' || later === one) return true;
    if (later.value !== one.value) notices.push({ line: one.line, message: `line ${later.line} overrides it` });
    return false;
  });
}

type Said = { readonly kind: 'fault' | 'notice'; readonly message: string } | null;

const GPU_FIELDS = ['gpus', 'gpusTotal', 'gpusPerTask', 'gpuType'] as const;

/** A request under construction. */
class Request {
  readonly #asked: SubmitJob;
  /** Without the further options of the lines. */
  #input: SubmitJob;
  readonly #options: string[];
  readonly #namesAsked: ReadonlySet<string>;

  constructor(asked: SubmitJob) {
    this.#asked = asked;
    this.#input = asked;
    this.#options = [...asked.extraOptions];
    this.#namesAsked = new Set(asked.extraOptions.flatMap((option) => /^--([a-z0-9-]+)/.exec(option)?.[1] ?? []));
  }

  get input(): SubmitJob {
    return { ...this.#input, extraOptions: this.#options };
  }

  take({ name, value }: Directive): Said {
    switch (name) {
      case 'account':
      case 'array':
      case 'qos':
        return this.#set({ [name]: value });
      case 'job-name':
        return this.#whole('name', value);
      case 'partition':
        return this.#whole('partition', value);
      case 'cpus-per-task':
        return this.#count('cpusPerTask', name, value);
      case 'ntasks':
        return this.#count('tasks', name, value);
      case 'mem': {
        const memoryMb = readMegabytes(value);
        return memoryMb === null ? fault('write a size such as 16G') : this.#set({ memoryMb }, name);
      }
      case 'nodes': {
        const [, nodes, maxNodes] = /^(\d+)(?:-(\d+))?$/.exec(value ?? '') ?? [];
        if (nodes === undefined) return fault('write a number of nodes, or two such as 2-4');
        const range = maxNodes === undefined || maxNodes === nodes ? null : Number(maxNodes);
        return this.#set({ nodes: Number(nodes), maxNodes: range });
      }
      case 'time': {
        const timeLimitMinutes = readMinutes(value);
        if (timeLimitMinutes === null) return fault('write a time such as 90, 1:30:00 or 2-00:00');
        return this.#set({ timeLimitMinutes });
      }
      case 'gpus':
        return this.#gpus('gpusTotal', value);
      case 'gpus-per-node':
        return this.#gpus('gpus', value);
      case 'gpus-per-task':
        return this.#gpus('gpusPerTask', value);
      case 'gres':
        return this.#gres(value);
      case 'dependency':
        if (value?.toLowerCase() !== 'singleton') return fault('name the jobs in the field dependsOn');
        this.#input = { ...this.#input, isSingleton: true };
        return null;
      case 'export':
        return fault('set variables in the field environment');
      default:
        return this.#option(name, value);
    }
  }

  #whole(field: 'name' | 'partition', value: string | null): Said {
    const asked = this.#asked[field];
    if (asked !== null) return asked === value ? null : givesWay(field);
    this.#input = { ...this.#input, [field]: value };
    return null;
  }

  #count(field: 'cpusPerTask' | 'tasks', name: string, value: string | null): Said {
    return /^\d+$/.test(value ?? '') ? this.#set({ [field]: Number(value) }, name) : fault('write a number');
  }

  /** Unless the request says one of these, or what the option `name` can't stand beside. */
  #set(values: Partial<SubmitJob['resources']>, name: string | null = null): Said {
    const asked = new Map<string, unknown>(Object.entries(this.#asked.resources));
    const given = Object.keys(values).filter((field) => asked.get(field) !== null);
    if (given.length > 0) {
      const isSame = Object.entries(values).every(([field, value]) => asked.get(field) === value);
      return isSame ? null : givesWay(given.join(' and '));
    }
    const rival = name === null ? undefined : this.#rival(name);
    if (rival !== undefined) return givesWay(rival);
    this.#input = { ...this.#input, resources: { ...this.#input.resources, ...values } };
    return null;
  }

  #gpus(field: 'gpus' | 'gpusTotal' | 'gpusPerTask', value: string | null): Said {
    const [, gpuType = null, count] = /^(?:([^:,=]+)[:=])?(\d+)$/.exec(value ?? '') ?? [];
    if (count === undefined) return fault('write a number of GPUs, with a type or without: a100:2');
    const { resources } = this.#asked;
    const given = GPU_FIELDS.filter((one) => resources[one] !== null);
    if (given.length > 0) {
      const isSame = resources[field] === Number(count) && resources.gpuType === gpuType;
      return isSame ? null : givesWay(given.join(' and '));
    }
    const rival = field === 'gpusPerTask' ? this.#rival('gpus-per-task') : undefined;
    if (rival !== undefined) return givesWay(rival);
    this.#input = {
      ...this.#input,
      resources: {
        ...this.#input.resources,
        [field]: Number(count),
        gpuType: gpuType ?? this.#input.resources.gpuType,
      },
    };
    return null;
  }

  /** Its GPUs become fields; the rest stays an option. */
  #gres(value: string | null): Said {
    const parts = (value ?? '').split(',').filter(Boolean);
    const { gpus = [], others = [] } = Object.groupBy(parts, (part) =>
      /^(?:gres[:/])?gpu(?:[:=]|$)/i.test(part) ? 'gpus' : 'others',
    );
    if (gpus.length > 1) return fault('names GPUs twice, which gpus and gpuType cannot express');
    if (others.length > 0) {
      const said = this.#namesAsked.has('gres') ? givesWay('--gres') : this.#add(`--gres=${others.join(',')}`);
      if (said !== null) return said;
    }
    const [, rest = ''] = /^(?:gres[:/])?gpu[:=]?(.*)$/i.exec(gpus[0] ?? '') ?? [];
    if (gpus.length === 0) return null;
    // "gpu" and "gpu:a100" are one.
    return this.#gpus('gpus', rest === '' ? '1' : /(?:^|[:=])\d+$/.test(rest) ? rest : `${rest}:1`);
  }

  #option(name: string, value: string | null): Said {
    if (this.#namesAsked.has(name)) {
      const option = value === null ? `--${name}` : `--${name}=${value}`;
      return this.#asked.extraOptions.includes(option) ? null : givesWay(`--${name}`);
    }
    const rival = this.#rival(name);
    return rival === undefined ? this.#add(value === null ? `--${name}` : `--${name}=${value}`) : givesWay(rival);
  }

  #add(option: string): null {
    this.#options.push(option);
    return null;
  }

  /** What the request itself asks for that the option can't stand beside. */
  #rival(name: string): string | undefined {
    const { resources } = this.#asked;
    return rivalsOf(name)
      .map((rival) =>
        rival.field === null
          ? this.#namesAsked.has(rival.name)
            ? `--${rival.name}`
            : null
          : resources[rival.field] === null
            ? null
            : rival.field,
      )
      .find((found) => found !== null);
  }
}

function fault(message: string): Said {
  return { kind: 'fault', message };
}

function givesWay(field: string): Said {
  return { kind: 'notice', message: `is overridden by ${field}` };
}
