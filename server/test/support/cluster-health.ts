import { type TestServer, until } from './server.ts';

export interface LoginPromptData {
  readonly id: string;
  readonly host: string;
  readonly name: string;
  readonly instruction: string;
  readonly prompts: readonly { readonly text: string; readonly isSecret: boolean }[];
  readonly isRepeated: boolean;
  readonly expiresAt: string;
}

export interface HealthData {
  readonly status: string;
  readonly isStale: boolean;
  readonly statusMessage: string | null;
  readonly loginAsksPerson: boolean;
  readonly loginPrompt: LoginPromptData | null;
}

export type UserErrors = readonly { readonly code: string; readonly message: string; readonly path: string[] }[];

const HEALTH = `status isStale statusMessage loginAsksPerson
  loginPrompt { id host name instruction prompts { text isSecret } isRepeated expiresAt }`;

/** One cluster as a client of the server sees it and acts on it. */
export class ClusterHealth {
  readonly #server: () => TestServer;
  readonly #name: string;

  constructor(server: () => TestServer, name: string) {
    this.#server = server;
    this.#name = name;
  }

  async now(): Promise<HealthData> {
    const query = `query ($name: String!) { cluster(name: $name) { ${HEALTH} } }`;
    return (await this.#server().query<{ cluster: HealthData }>(query, { name: this.#name })).cluster;
  }

  /** The first health that passes. */
  until(isRight: (health: HealthData) => boolean, timeoutMs?: number): Promise<HealthData> {
    return until(() => this.now(), isRight, timeoutMs);
  }

  reaches(status: string): Promise<HealthData> {
    return this.until((health) => health.status === status);
  }

  /** The next question of its login, after the one with `previousId`. */
  async asks(previousId = ''): Promise<LoginPromptData> {
    const { loginPrompt } = await this.until((health) => (health.loginPrompt?.id ?? previousId) !== previousId);
    if (loginPrompt === null) throw new Error('no prompt');
    return loginPrompt;
  }

  /** Every health that a subscriber is told, up to the first one that passes. */
  async toldUntil(isRight: (health: HealthData) => boolean): Promise<readonly HealthData[]> {
    const told: HealthData[] = [];
    const query = `subscription ($name: String!) { clusterStatus(name: $name) { ${HEALTH} } }`;
    const events = this.#server().subscribe<{ clusterStatus: HealthData }>(query, { name: this.#name });
    for await (const { clusterStatus } of events) {
      told.push(clusterStatus);
      if (isRight(clusterStatus)) break;
    }
    return told;
  }

  async connect(): Promise<void> {
    const mutation = 'mutation ($name: String!) { connectCluster(input: { name: $name }) { userErrors { message } } }';
    await this.#server().query(mutation, { name: this.#name });
  }

  async answer(promptId: string, answers: readonly string[], cluster = this.#name): Promise<UserErrors> {
    const mutation = `mutation ($input: AnswerLoginInput!) {
      answerLogin(input: $input) { cluster { name } userErrors { code message path } }
    }`;
    const { answerLogin } = await this.#server().query<{ answerLogin: { userErrors: UserErrors } }>(mutation, {
      input: { cluster, promptId, answers },
    });
    return answerLogin.userErrors;
  }
}
