/**
 * The id of a cluster's place on the page of the clusters. Its plain name could be that of any other element, such as
 * `main`. Names have letters, digits, dots, dashes and underscores alone, which need no encoding.
 */
export function clusterAnchor(name: string): string {
  return `cluster-${name}`;
}
