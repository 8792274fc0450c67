import type { FieldCheck } from './fields.ts';

/** Of one job, and of a filter, which wants all of them. */
export const MAX_TAGS = 32;
/** In UTF-16 units. The same as Weights & Biases takes, so that a run can have the tags of its job. */
export const MAX_TAG = 64;

export function checkTagSizes(check: FieldCheck, tags: readonly string[]): void {
  check.entries('tags', tags, MAX_TAGS);
  const long = tags.findIndex((tag) => tag.length > MAX_TAG);
  // The first one is enough.
  if (long !== -1) check.at('tags').characters(`${long}`, tags[long] ?? null, MAX_TAG);
}

export function checkTags(check: FieldCheck, tags: readonly string[]): void {
  for (const [index, tag] of tags.entries()) {
    check.at('tags').line(`${index}`, tag);
    if (tag.trim() !== '' && tag.trim() !== tag) {
      check.at('tags').fault(`${index}`, 'begins or ends with a blank: leave it out');
    }
  }
}

/** Each once, in the order of the first. */
export function eachOnce(tags: readonly string[]): readonly string[] {
  return [...new Set(tags)];
}
