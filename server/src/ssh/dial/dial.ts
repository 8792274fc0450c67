import type { Duplex } from 'node:stream';
import ssh2, { type AnyAuthMethod, type Client } from 'ssh2';
import { asError, messageOf } from '../../domain/thrown.ts';
import { abortable } from '../deadline.ts';
import type { SshEnvironment, SshLog, SshSettings } from '../settings.ts';
import { Agent } from './agent.ts';
import { nothingInCommon, offered } from './algorithms.ts';
import { proveByCertifiedKey } from './certified-host.ts';
import { logInWithCertificates } from './certified-login.ts';
import { keepKeysAsObjects } from './cipher-keys.ts';
import { DialFailure, refused, refusedForNow, unreachable } from './failure.ts';
import type { Hop } from './hop.ts';
import { HostKeyCheck, readKnownHosts, readRevokedKeys } from './host-key-check.ts';
import { fingerprint, keyType } from './host-keys.ts';
import { collectIdentities, type Identities } from './identities.ts';
import { Link } from './link.ts';
import { Login } from './login.ts';
import type { Opened } from './lookout.ts';
import { explainedBy } from './not-followed.ts';
import { type AskPerson, presentable } from './question.ts';
import { reachDirectly, reachThrough } from './reach.ts';
import type { DialReport } from './report.ts';
import { resolveRoute } from './route.ts';
import { ServerWatch } from './server-watch.ts';

export interface DialOptions {
  readonly signal: AbortSignal;
  readonly keepAliveIntervalMs: number;
  readonly keepAliveMisses: number;
  /** How long a host waits for answers, counted from the moment at which it is connected to. */
  readonly answerTimeoutMs: number;
  /** Says what the login may do, before anything is sent to any host. */
  readonly permit: (hops: readonly PlannedHop[]) => LoginPermit;
  readonly log: SshLog;
  /** Is told of every stage. */
  readonly report: DialReport;
  /** A TCP connection to the first hop that is open already. */
  readonly opened?: Opened | undefined;
}

/** An open connection to the cluster, logged in. */
export interface Dialled {
  /** The cluster's own client. */
  readonly client: Client;
  readonly watch: ServerWatch;
  readonly link: Link;
  /** The key that each hop accepted; null: one of them accepted something else than a key. */
  readonly keys: AcceptedKeys | null;
}

/** The fingerprints of keys by the labels of hops. No secret, and the same after a restart. */
export type AcceptedKeys = ReadonlyMap<string, string>;

/** A host on the way to the cluster, the last one included. */
export interface PlannedHop {
  readonly label: string;
  /** The fingerprints of the keys that there are for it at this time. */
  readonly keys: readonly string[];
  /** clusters.yaml names the one key: if another is there, it was replaced. One of an agent may be away for a while. */
  readonly isKeyNamed: boolean;
}

export interface LoginPermit {
  /** Null: nobody is to be asked for anything. */
  readonly ask: AskPerson | null;
  /** For each hop, the one key to offer there; null: all that there are. */
  readonly onlyKeys: AcceptedKeys | null;
}

/** No server sends more before the login is complete. */
const MOST_LOGIN_BYTES = 1024 * 1024;

const BROKEN_OFF =
  'Is it an SSH server, and does a firewall or its limit of connections (MaxStartups) let this one through?';

/**
 * Makes one attempt to reach a cluster through its jump hosts and log in. Each host's key is checked before the login
 * there.
 *
 * @throws DialFailure when it fails, also when `signal` aborts
 */
export async function dial(settings: SshSettings, environment: SshEnvironment, options: DialOptions): Promise<Dialled> {
  const link = new Link();
  const agents: Agent[] = [];
  const { report } = options;
  report.enter('settings');
  let step = 'reading the OpenSSH configuration';

  async function connect(): Promise<Dialled> {
    const route = await resolveRoute(settings, environment);
    step = 'reading the keys and asking the SSH agent';
    const prepared = await Promise.all(route.map((hop, index) => prepare(hop, route.slice(0, index), agents)));
    const { ask, onlyKeys } = options.permit(prepared.map(planned));
    const allowed = prepared.map((next) => only(onlyKeys?.get(next.hop.label), next));
    const keys = new Map<string, string>();
    const told = prepared.flatMap(({ hop }) => hop.notFollowed.filter(({ concern }) => concern === 'always'));
    if (told.length > 0) report.found([...new Set(told.map(({ text }) => text))].join('; '));
    let reached: { hop: Hop; client: Client; watch: ServerWatch } | undefined;
    for (const next of allowed) {
      const { hop } = next;
      step = `connecting to ${hop.label}`;
      report.enter('reach', hop.label);
      const socket = reached
        ? await reachThrough(link, reached.client, reached.hop, hop)
        : await reachDirectly(hop, link, options.opened);
      report.found(`${hop.host} port ${hop.port} takes connections`);
      step = `logging in as ${hop.label}`;
      const { client, watch, key } = await logIn(link, socket, next, reached?.watch, ask, options);
      if (key !== undefined) keys.set(hop.label, key);
      reached = { hop, client, watch };
    }
    if (reached === undefined) throw new Error('the route has no hop');
    report.succeed();
    const { client, watch } = reached;
    return { client, watch, link, keys: keys.size === prepared.length ? keys : null };
  }

  try {
    return await abortable(connect(), options.signal, (reason) => unreachable(`${reason.message} while ${step}`));
  } catch (error) {
    options.opened?.socket.destroy();
    link.break(asError(error));
    await link.close();
    const failure = error instanceof DialFailure ? error : unreachable(`${step} failed: ${String(error)}`, error);
    report.fail(failure.message);
    throw failure;
  } finally {
    for (const agent of agents) agent.close();
  }
}

/** Of ssh2's message (1.17). */
const NO_HOST_KEY = 'no matching host key format';
const ONLY_WEAK_KEYS =
  'proves its host key only in ways that are not safe any more, such as ssh-rsa, which signs with SHA-1. No login was' +
  ' tried. Have the administrators update its SSH server, as OpenSSH signs with the same RSA key by rsa-sha2-512 since' +
  ' 7.2 (HostKeyAlgorithms in sshd_config), or add an ed25519 host key.';

interface PreparedHop {
  readonly hop: Hop;
  readonly hostKey: HostKeyCheck;
  readonly identities: Identities;
}

/** Reads everything that a login needs first, so that a fault in it shows before any server is contacted. */
async function prepare(hop: Hop, via: readonly Hop[], agents: Agent[]): Promise<PreparedHop> {
  const { agentSocket } = hop.identities;
  const agent = agentSocket === undefined ? undefined : new Agent(agentSocket);
  if (agent) agents.push(agent);
  const identities = await collectIdentities(hop.identities, agent);
  const revoked = hop.revokedKeysFile === undefined ? [] : await readRevokedKeys(hop.revokedKeysFile);
  const known = [...revoked, ...(await readKnownHosts(hop.knownHostsFiles))];
  return { hop, hostKey: new HostKeyCheck(hop, via, known), identities };
}

function planned({ hop, identities }: PreparedHop): PlannedHop {
  return {
    label: hop.label,
    keys: identities.offered.map(({ fingerprint }) => fingerprint),
    isKeyNamed: hop.identities.namedBy === 'settings',
  };
}

/** @throws DialFailure that may pass, if the one key that is to be offered isn't there */
function only(key: string | undefined, prepared: PreparedHop): PreparedHop {
  if (key === undefined) return prepared;
  const { hop } = prepared;
  const { offered, notes } = prepared.identities;
  const chosen = offered.filter(({ fingerprint }) => fingerprint === key);
  if (chosen.length > 0) return { ...prepared, identities: { offered: chosen, notes } };
  const message = `the key ${key}, which ${hop.label} took before, is not there${['', ...notes].join('; ')}.`;
  throw refusedForNow(message, message);
}

async function logIn(
  link: Link,
  socket: Duplex,
  { hop, hostKey, identities }: PreparedHop,
  carrier: ServerWatch | undefined,
  ask: AskPerson | null,
  options: DialOptions,
): Promise<{ readonly client: Client; readonly watch: ServerWatch; readonly key: string | undefined }> {
  const client = new ssh2.Client();
  const login = new Login(hop, identities, {
    ask,
    expiresAt: new Date(Date.now() + options.answerTimeoutMs),
    giveUp: (reason) => link.break(reason),
  });
  const ownErrors = new Set<unknown>();
  let isHostTrusted = false;
  options.report.enter('host-key', hop.label);
  const ready = new Promise<void>((resolve) => client.once('ready', resolve));
  client.once('handshake', () => {
    isHostTrusted = true;
    options.report.enter('login', hop.label);
  });
  client.on('handshake', () => keepKeysAsObjects(client));
  client.once('handshake', () => logInWithCertificates(client));
  client.on('banner', (message) => {
    login.heard(message);
    options.log.debug({ host: hop.label, message: presentable(message) }, 'SSH banner');
  });
  client.on('error', (error) => ownErrors.add(error));
  client.once('change password', () =>
    link.break(refused(`the password of ${hop.label} has expired: log in there with ssh and choose a new one`)),
  );
  link.addClient(client);
  try {
    client.connect({
      sock: socket,
      username: hop.user,
      ident: 'SlurmQL',
      // The attempt as a whole has a deadline of its own.
      readyTimeout: 0,
      keepaliveInterval: options.keepAliveIntervalMs,
      keepaliveCountMax: options.keepAliveMisses,
      algorithms: offered(hostKey.algorithms),
      hostVerifier: (key: Buffer) => {
        options.report.found(`${keyType(key)} ${fingerprint(key)}`);
        if (!hostKey.accepts(key)) return false;
        if (hostKey.certificate === undefined || proveByCertifiedKey(client, hostKey.certificate)) return true;
        hostKey.unprovable();
        return false;
      },
      authHandler: (methods, isPartial, proceed) =>
        // `false`, which ssh2 takes here, is missing in its types.
        login.next(methods, isPartial, proceed as (method: AnyAuthMethod | false) => void),
    });
    const watch = new ServerWatch(client, socket, hop.label, carrier);
    let received = 0;
    const count = (chunk: Buffer) => {
      received += chunk.length;
      if (received > MOST_LOGIN_BYTES) link.break(unreachable(`${hop.label} sends endless text before the login`));
    };
    socket.on('data', count);
    await Promise.race([ready, link.broken]).finally(() => socket.off('data', count));
    options.report.found(`as ${hop.user}${login.accepted === undefined ? '' : ` with ${login.accepted.label}`}`);
    return { client, watch, key: login.accepted?.fingerprint };
  } catch (error) {
    if (hostKey.fault !== undefined) throw refused(hostKey.fault, error);
    if (error instanceof DialFailure) throw error;
    const message = messageOf(error);
    if (!isHostTrusted) {
      if (message.includes(NO_HOST_KEY)) throw refused(`${hop.label} ${ONLY_WEAK_KEYS}`, error);
      const notFollowed = explainedBy(hop.notFollowed, 'handshake');
      const uncommon = nothingInCommon(message);
      if (uncommon !== undefined) throw unreachable(`${hop.label} ${uncommon}${notFollowed}`, error);
      throw unreachable(`${hop.label} broke off before the login: ${message}. ${BROKEN_OFF}${notFollowed}`, error);
    }
    // A jump host that ends says nothing about this login.
    if (ownErrors.has(error) && error instanceof Error) {
      if ('level' in error && error.level === 'client-authentication') throw login.refusal(error);
      // Only a message of the server itself has a number: it ended the connection on purpose.
      if ('code' in error && typeof error.code === 'number') throw login.refusal(error, message);
    }
    throw unreachable(`${hop.label} broke off the login: ${message}`, error);
  }
}
