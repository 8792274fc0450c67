import type { Directive } from './config-file.ts';

/** What an OpenSSH configuration says of one host. */
export interface HostConfig {
  /** The first directive of that keyword (in lower case) that applies: later ones don't count. */
  get(keyword: string): Directive | undefined;
  /** `IdentityFile` and `CertificateFile` alone add up. */
  readonly identityFiles: readonly Directive[];
  readonly certificateFiles: readonly Directive[];
  /** What stands in `Match` blocks that may apply and can't be judged here, as sentences for a person. */
  readonly unjudged: readonly string[];
}
