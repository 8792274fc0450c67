import type { Directive } from './config-file.ts';

/** The settings of one host in an OpenSSH configuration. */
export interface HostConfig {
  /** The first matching directive of a keyword (in lower case): later ones are ignored. */
  get(keyword: string): Directive | undefined;
  /** Only `IdentityFile` and `CertificateFile` accumulate. */
  readonly identityFiles: readonly Directive[];
  readonly certificateFiles: readonly Directive[];
  /** The directives in `Match` blocks that may apply but can't be judged here, as sentences for a person. */
  readonly unjudged: readonly string[];
}
