import type { HostConfig } from './host-config.ts';

/** When to report that a keyword isn't followed: always, or if an attempt fails at that stage. */
export type Concern = 'always' | 'handshake' | 'host-key' | 'login';

/** A line of the OpenSSH configuration that isn't followed here, as a sentence for a person. */
export interface NotFollowed {
  readonly concern: Concern;
  readonly text: string;
}

interface Rule {
  readonly concern: Concern;
  /** The values with which it matters; absent: all. */
  readonly values?: RegExp;
}

/** As ssh_config(5) spells them. */
const FOLLOWED = [
  ...['HostName', 'Port', 'User', 'IdentityFile', 'CertificateFile', 'IdentitiesOnly', 'IdentityAgent', 'ProxyJump'],
  ...['HostKeyAlias', 'UserKnownHostsFile', 'GlobalKnownHostsFile', 'RevokedHostKeys', 'AddressFamily', 'BindAddress'],
  ...['PubkeyAuthentication', 'ProxyCommand', 'Tag'],
];

/**
 * The keywords that would make OpenSSH connect or log in differently. All others of ssh_config(5) concern the use of an
 * open connection (forwarding, terminals, environment, sharing), how ssh itself asks and prints, or settings that are
 * fixed here (StrictHostKeyChecking yes, BatchMode, keepalives).
 */
const RULES: Readonly<Record<string, Rule>> = {
  CanonicalizeHostname: { concern: 'always', values: /^(?:yes|always)$/i },
  BindInterface: { concern: 'always' },
  KnownHostsCommand: { concern: 'always', values: /^(?!none$)/i },
  PKCS11Provider: { concern: 'always', values: /^(?!none$)/i },
  KexAlgorithms: { concern: 'handshake' },
  Ciphers: { concern: 'handshake' },
  MACs: { concern: 'handshake' },
  HostKeyAlgorithms: { concern: 'handshake' },
  StrictHostKeyChecking: { concern: 'host-key', values: /^(?:no|off|accept-new)$/i },
  VerifyHostKeyDNS: { concern: 'host-key', values: /^(?:yes|ask)$/i },
  NoHostAuthenticationForLocalhost: { concern: 'host-key', values: /^yes$/i },
  CASignatureAlgorithms: { concern: 'host-key' },
  SecurityKeyProvider: { concern: 'login' },
  PubkeyAcceptedAlgorithms: { concern: 'login' },
  PubkeyAcceptedKeyTypes: { concern: 'login' },
  PreferredAuthentications: { concern: 'login' },
  PasswordAuthentication: { concern: 'login', values: /^no$/i },
  KbdInteractiveAuthentication: { concern: 'login', values: /^no$/i },
  GSSAPIAuthentication: { concern: 'login', values: /^yes$/i },
  HostbasedAuthentication: { concern: 'login', values: /^yes$/i },
};

/** Keywords in lower case that change how a host is reached, as they are spelt. */
export const COUNTING: ReadonlyMap<string, string> = new Map(
  [...FOLLOWED, ...Object.keys(RULES).filter((name) => RULES[name]?.concern === 'always')].map((name) => [
    name.toLowerCase(),
    name,
  ]),
);

/** The lines of a host's configuration that aren't followed. */
export function notFollowed(config: HostConfig): readonly NotFollowed[] {
  const lines = Object.entries(RULES).flatMap(([name, { concern, values }]): NotFollowed[] => {
    const directive = config.get(name.toLowerCase());
    if (directive === undefined || values?.test(directive.values[0] ?? '') === false) return [];
    return [{ concern, text: `${directive.at}: ${name} isn't followed here` }];
  });
  return [...config.unjudged.map((text): NotFollowed => ({ concern: 'always', text })), ...lines];
}

/** The end of a message about a failure that such lines may explain; '' if there are none. */
export function explainedBy(found: readonly NotFollowed[], ...concerns: readonly Concern[]): string {
  const texts = found
    .filter(({ concern }) => concern === 'always' || concerns.includes(concern))
    .map(({ text }) => text);
  return texts.length === 0 ? '' : ` Of the OpenSSH configuration, ${texts.join('; ')}.`;
}
