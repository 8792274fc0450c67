import { type Accessor, createEffect, createSignal, on } from 'solid-js';
import { useApi } from '../../graphql/api.ts';
import { describeError } from '../../graphql/errors.ts';
import { type Offer, offerQuery } from './operations.ts';

/** What a cluster offers to choose from; undefined while it is asked, null where it can't be. */
export interface ClusterOffer {
  readonly partitions: Accessor<Offer['partitions'] | undefined>;
  readonly gpus: Accessor<Offer['gpuAvailability'] | undefined>;
  readonly fault: Accessor<string | null>;
}

export function createOffer(cluster: Accessor<string>): ClusterOffer {
  const { client } = useApi();
  const [offer, setOffer] = createSignal<Offer | null>();
  const [fault, setFault] = createSignal<string | null>(null);

  async function load(name: string): Promise<void> {
    setOffer(undefined);
    setFault(null);
    const { data, error } = await client
      .query(offerQuery, { cluster: name }, { requestPolicy: 'network-only' })
      .toPromise();
    // Another cluster may have been chosen meanwhile.
    if (name !== cluster()) return;
    setOffer(data?.cluster ?? null);
    if (error !== undefined) setFault(describeError(error));
  }

  createEffect(
    on(cluster, (name) => {
      if (name !== '') void load(name);
    }),
  );
  return {
    partitions: () => (offer() === null ? null : offer()?.partitions),
    gpus: () => (offer() === null ? null : offer()?.gpuAvailability),
    fault,
  };
}
