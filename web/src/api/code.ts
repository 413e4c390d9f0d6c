const CODE = /^#code=([^&]+)$/;

/** The one-time code of the address, if it has one; the address is cleaned at once. */
export function takeCode(): string | undefined {
  const code = CODE.exec(location.hash)?.[1];
  if (code === undefined) return undefined;
  history.replaceState(history.state, "", location.pathname + location.search);
  return decodeURIComponent(code);
}
