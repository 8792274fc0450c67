export interface Size {
  readonly id: string;
  readonly bytes: number;
}

/** Rows by the size of what is read of them, in slices of `most` bytes; a larger one has a slice of its own. */
export function slicesOf(sizes: readonly Size[], most: number): readonly (readonly string[])[] {
  const slices: string[][] = [];
  let slice: string[] = [];
  let left = 0;
  for (const { id, bytes } of sizes) {
    if (bytes > left || slices.length === 0) {
      slice = [];
      slices.push(slice);
      left = most;
    }
    slice.push(id);
    left -= bytes;
  }
  return slices;
}
