import { lstat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Alias, type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { z } from 'zod';
import { type ClusterSettings, GPU_REQUEST_STYLES } from '../domain/cluster.ts';
import { messageOf } from '../domain/thrown.ts';
import { workspaceParts } from '../domain/workspace.ts';
import { FileFault, isAbsence, LocalDisk, readTextFile } from '../files/index.ts';
import { ConfigurationError, type ConfigurationFault } from './environment.ts';
import { nearest } from './nearest.ts';

/** One line of visible text: what goes into commands, messages and paths. */
const line = z
  .string()
  .min(1, 'write at least one character')
  .regex(/^\P{Cc}*$/u, 'write one line without control characters');
const wholeNumber = (minimum: number, maximum: number) =>
  z.int(`write a whole number`).min(minimum, `write ${minimum} or more`).max(maximum, `write ${maximum} or less`);

/** In bytes. */
const MAX_PROLOGUE = 16 * 1024;

const clusterSchema = z.strictObject({
  host: line.regex(/^[^\s-][^\s]*$/, 'write a host name, an address, or a Host alias of the OpenSSH configuration'),
  port: wholeNumber(1, 65_535).optional(),
  user: line.optional(),
  identity_file: line.optional(),
  known_hosts: line.optional(),
  proxy_jump: line.optional(),
  workspace: line
    .superRefine((path, context) => {
      try {
        workspaceParts(path);
      } catch (fault) {
        context.addIssue({ code: 'custom', message: messageOf(fault) });
      }
    })
    .default('~/slurmql'),
  workspace_trusts: z.array(line).min(1, 'name at least one user or group, or leave the key out').optional(),
  allowed_partitions: z.array(line).min(1, 'name at least one partition, or leave the key out').optional(),
  allowed_gpu_types: z.array(line).min(1, 'name at least one GPU type, or leave the key out').optional(),
  gpu_request: z.enum(GPU_REQUEST_STYLES, `write one of ${GPU_REQUEST_STYLES.join(', ')}`).default('gres'),
  conda_env: line.optional(),
  poll_interval_seconds: wholeNumber(1, 3600).default(30),
  gpu_cache_seconds: wholeNumber(1, 86_400).default(60),
  help: z.string().optional(),
  prologue: z
    .string()
    .refine((text) => Buffer.byteLength(text) <= MAX_PROLOGUE, `write at most ${MAX_PROLOGUE} bytes`)
    .optional(),
});

const CLUSTER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const fileSchema = z.strictObject({
  clusters: z
    .record(z.string().regex(CLUSTER_NAME, 'name clusters with letters, digits, ".", "_" and "-"'), clusterSchema)
    .nullable()
    .default({}),
});

/** Holds a hundred clusters, or a dozen with the longest prologues. Parsing invalid YAML can take 1 s per 100 KiB. */
const MAXIMUM_BYTES = 256 * 1024;

/**
 * Reads clusters.yaml. Throws a ConfigurationError that gives file, line and column of every fault.
 * No file is a fault too: it says where one is expected.
 */
export async function readClustersFile(path: string, disk = new LocalDisk(1)): Promise<readonly ClusterSettings[]> {
  return parseClusters(await readClustersText(path, disk), path);
}

/** Throws a ConfigurationError. */
export async function readClustersText(path: string, disk: LocalDisk): Promise<string> {
  try {
    return await disk.ask(() => readTextFile(path, MAXIMUM_BYTES));
  } catch (cause) {
    if (!(cause instanceof FileFault)) throw cause;
    const advice =
      cause.found === 'nothing'
        ? 'no such file. Copy the example clusters.yaml of the repository, or set SLURMQL_CONFIG'
        : `${cause.message}. Put a file there that can be read, or set SLURMQL_CONFIG`;
    throw new ConfigurationError([{ message: `${path}: ${advice}` }], { cause });
  }
}

/** The file that is used: see `Environment.configFiles`. Throws a ConfigurationError if the disk doesn't answer. */
export async function clustersFileOf(paths: readonly [string, ...string[]], disk = new LocalDisk(1)): Promise<string> {
  const last = paths.at(-1) ?? paths[0];
  try {
    return (await disk.ask(() => firstThere(paths))) ?? last;
  } catch (cause) {
    if (!(cause instanceof FileFault)) throw cause;
    throw new ConfigurationError([{ message: `${last}: ${cause.message}` }]);
  }
}

/** The first that exists, even if it can't be read. Null: none. */
export async function firstThere(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const isThere = await lstat(path).then(
      () => true,
      (cause: unknown) => !isAbsence(cause),
    );
    if (isThere) return path;
  }
  return null;
}

/** What to do where the file configures no cluster. One line. */
export function noCluster(path: string): string {
  // The repository's own clusters.yaml should stay unchanged; see `readEnvironment`.
  const own = basename(path) === 'clusters.yaml' ? join(dirname(path), 'clusters.local.yaml') : path;
  const rest = own === path ? '' : ', which is then read instead';
  return `No cluster is configured in ${path}. Write "clusters: { mine: { host: login.example.org } }" with your own login node into ${own}${rest}`;
}

/**
 * The text of clusters.yaml as settings, in the order of the file. `hasSome`: a text without the key `clusters` is a
 * fault; it must say that there are none. Pure; throws as `readClustersFile` does.
 */
export function parseClusters(text: string, path: string, hasSome = false): readonly ClusterSettings[] {
  const lines = new LineCounter();
  const document = parseText(text, path, lines);
  const at = (offset: number, message: string): ConfigurationFault => {
    const { line: row, col: column } = lines.linePos(offset);
    return { message: `${path}:${row}:${column}: ${message}` };
  };
  if (document.errors.length > 0) {
    throw new ConfigurationError(document.errors.map((error) => at(error.pos[0], error.message)));
  }
  const twice = keysThatAreThereTwice(document);
  if (twice.length > 0) {
    throw new ConfigurationError(twice.map(({ offset, key }) => at(offset, `the key ${key} is given twice`)));
  }

  let values: unknown;
  try {
    values = document.toJS();
  } catch (cause) {
    // An alias without its anchor, or so many aliases that they would fill the memory.
    const [offset] = firstAlias(document)?.range ?? [0];
    throw new ConfigurationError([at(offset, messageOf(cause))]);
  }
  // A file that was cut off looks like this: no cluster is removed because a disk was full or an editor is slow.
  if (hasSome && isSilent(values)) {
    throw new ConfigurationError([
      { message: `${path}: no longer names a cluster. If that is intended, write "clusters: {}"` },
    ]);
  }
  // An empty file, or one with nothing but comments, configures no cluster.
  const result = fileSchema.safeParse(values ?? {}, { reportInput: true });
  if (!result.success) {
    const offsetOf = (keys: readonly PropertyKey[]): number => {
      for (let depth = keys.length; depth > 0; depth -= 1) {
        const found: unknown = document.getIn(keys.slice(0, depth), true);
        if (isNode(found) && found.range) return found.range[0];
      }
      return document.contents?.range?.[0] ?? 0;
    };
    const offsetOfKey = (keys: readonly PropertyKey[], key: string): number => {
      const parent: unknown = keys.length === 0 ? document.contents : document.getIn(keys, true);
      const pair = isMap(parent) ? parent.items.find((item) => String(item.key) === key) : undefined;
      return isNode(pair?.key) && pair.key.range ? pair.key.range[0] : offsetOf(keys);
    };
    throw new ConfigurationError(
      result.error.issues.flatMap((issue) => {
        if (issue.code !== 'unrecognized_keys') {
          return [when(() => at(offsetOf(issue.path), `${issue.path.join('.') || 'file'}: ${advice(issue)}`))];
        }
        const known = Object.keys(issue.path.length === 0 ? fileSchema.shape : clusterSchema.shape);
        return issue.keys.map((key) =>
          when(() => {
            const close = nearest(key, known);
            const suggestion = close === null ? `the keys are ${known.join(', ')}` : `did you mean "${close}"?`;
            return at(offsetOfKey(issue.path, key), `${[...issue.path, key].join('.')}: unknown key; ${suggestion}`);
          }),
        );
      }),
    );
  }

  return Object.entries(result.data.clusters ?? {}).map(([name, cluster]) =>
    withoutUndefined({
      name,
      host: cluster.host,
      port: cluster.port,
      user: cluster.user,
      identityFile: cluster.identity_file,
      knownHosts: cluster.known_hosts,
      proxyJump: cluster.proxy_jump,
      workspace: cluster.workspace,
      workspaceTrusts: cluster.workspace_trusts,
      allowedPartitions: cluster.allowed_partitions,
      allowedGpuTypes: cluster.allowed_gpu_types,
      gpuRequest: cluster.gpu_request,
      condaEnv: cluster.conda_env,
      pollIntervalSeconds: cluster.poll_interval_seconds,
      gpuCacheSeconds: cluster.gpu_cache_seconds,
      help: cluster.help,
      prologue: cluster.prologue,
    }),
  );
}

/** A fault whose position is looked up only when it is reported: of ten thousand, most are not. */
function when(find: () => ConfigurationFault): ConfigurationFault {
  return {
    get message() {
      return find().message;
    },
  };
}

/** Throws a ConfigurationError for nesting that is too deep for the parser. */
function parseText(text: string, path: string, lines: LineCounter): Document {
  try {
    // Duplicate keys are found below: the parser would compare each key with each.
    return parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, logLevel: 'error' });
  } catch (cause) {
    throw new ConfigurationError([{ message: `${path}: can't be read as YAML (${cause})` }]);
  }
}

function keysThatAreThereTwice(document: Document): { readonly offset: number; readonly key: string }[] {
  const found: { offset: number; key: string }[] = [];
  visit(document, {
    Map(_key, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) found.push({ offset: key.range?.[0] ?? 0, key: String(key.value) });
        seen.add(key.value);
      }
    },
  });
  return found;
}

/** Whether the key `clusters` is missing or empty. */
function isSilent(values: unknown): boolean {
  if (values === null || values === undefined) return true;
  return typeof values === 'object' && !Object.values(values).some((value) => value !== null);
}

type WithoutUndefined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Omits the keys that weren't given, as exact optional properties require. */
function withoutUndefined<T extends object>(values: T): WithoutUndefined<T>;
function withoutUndefined(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function firstAlias(document: Document): Alias | null {
  let first: Alias | null = null;
  visit(document, {
    Alias(_key, alias) {
      first = alias;
      return visit.BREAK;
    },
  });
  return first;
}

const WANTED: Readonly<Partial<Record<z.core.$ZodIssueInvalidType['expected'], string>>> = {
  string: 'write a text',
  array: 'write a list',
  object: 'write keys and values',
  record: 'write a name and settings for each cluster',
};

function advice(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'is missing';
  if (issue.code === 'invalid_type') return WANTED[issue.expected] ?? issue.message;
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message;
  return issue.message;
}
