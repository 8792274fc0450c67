import FileDown from 'lucide-solid/icons/file-down';
import { createSignal, type JSX } from 'solid-js';
import { ask, useApi } from '../../graphql/api.ts';
import { describeError } from '../../graphql/errors.ts';
import { showToast } from '../../lib/toasts.ts';
import { jobRecordQuery } from './operations.ts';

/** Downloads all that is known of how a job was run, as JSON. */
export function RecordButton(props: { readonly jobId: string; readonly slurmJobId: string | null }): JSX.Element {
  const api = useApi();
  const [isBusy, setIsBusy] = createSignal(false);

  async function download(): Promise<void> {
    setIsBusy(true);
    try {
      const { job } = await ask(api, jobRecordQuery, { id: props.jobId });
      if (job?.record == null) throw new Error('Nothing is known of how this job was submitted.');
      const file = new Blob([`${JSON.stringify(job.record, null, 2)}\n`], { type: 'application/json' });
      const link = document.createElement('a');
      link.href = URL.createObjectURL(file);
      link.download = `job-${props.slurmJobId ?? 'record'}.json`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      showToast('error', describeError(error));
    } finally {
      setIsBusy(false);
    }
  }

  return (
    <button
      type="button"
      class="button button-quiet"
      title="All that is known of how it was run, as JSON"
      disabled={isBusy()}
      onClick={() => void download()}
    >
      <FileDown size={14} aria-hidden="true" /> Record
    </button>
  );
}
