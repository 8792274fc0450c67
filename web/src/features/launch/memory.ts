import { type FormValues, fromMemory, type TextField, toMemory } from './form.ts';

/** The values of a project's last launch in this browser; none if there was none, or if the browser keeps nothing. */
export function recall(projectId: string): Partial<Record<TextField, string>> {
  try {
    const json = localStorage.getItem(storageKey(projectId));
    return json === null ? {} : fromMemory(json);
  } catch (error) {
    // A convenience only: a browser without storage, or text that isn't ours, must not keep one from launching.
    console.warn('The last launch could not be recalled.', error);
    return {};
  }
}

export function remember(form: FormValues): void {
  try {
    localStorage.setItem(storageKey(form.projectId), JSON.stringify(toMemory(form)));
  } catch (error) {
    console.warn('This launch could not be remembered.', error);
  }
}

function storageKey(projectId: string): string {
  return `slurmql.launch.${projectId}`;
}
