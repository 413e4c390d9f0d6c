/** A host with its port, where that is not the usual one. */
export function placeOf({ host, port }: { host: string; port: number }): string {
  if (host === "*") return "others, too many to be told apart";
  return port === 443 || port === 0 ? host : `${host}:${port}`;
}

/** `GET 12, POST 1`: those that occur most first. */
export function countsOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, times]) => `${name} ${times}`)
    .join(", ");
}
