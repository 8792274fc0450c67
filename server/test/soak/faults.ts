import type { LocalSlurm } from '@slurmql/local-slurm';
import type { TcpProxy } from '../support/tcp-proxy.ts';

/** Something that breaks, and is mended after a while. */
export interface Fault {
  readonly name: string;
  begin(): Promise<void>;
  end(): Promise<void>;
}

export interface Breakable {
  readonly slurm: LocalSlurm;
  /** The networks to the clusters, by name. */
  readonly proxies: ReadonlyMap<string, TcpProxy>;
  readonly server: { kill(): Promise<void>; start(): Promise<void> };
}

/** Every fault that can be had, on every cluster that can have it. */
export function faultsOf({ slurm, proxies, server }: Breakable): readonly Fault[] {
  const none = async () => undefined;
  const restart = (daemon: string): Fault => ({
    name: `${daemon} is away`,
    begin: () => slurm.stopDaemon(daemon),
    end: () => slurm.startDaemon(daemon),
  });
  return [
    ...[...proxies].flatMap(([cluster, proxy]): Fault[] => [
      { name: `the connection to ${cluster} is cut`, begin: async () => proxy.cut(), end: none },
      {
        name: `the connection to ${cluster} stalls`,
        begin: async () => proxy.stall(),
        end: async () => proxy.resume(),
      },
      {
        name: `connections to ${cluster} are refused`,
        begin: async () => proxy.refuse(),
        end: async () => proxy.resume(),
      },
      restart(`${cluster}/slurmctld`),
      restart(`${cluster}/sshd`),
      {
        name: `${cluster}/slurmctld hangs`,
        begin: () => slurm.signalDaemon(`${cluster}/slurmctld`, 'SIGSTOP'),
        end: () => slurm.signalDaemon(`${cluster}/slurmctld`, 'SIGCONT'),
      },
    ]),
    restart('slurmdbd'),
    { name: 'the server is killed', begin: () => server.kill(), end: () => server.start() },
  ];
}
