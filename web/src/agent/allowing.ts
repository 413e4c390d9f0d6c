const WEB = [80, 443];

/** The entry of an allow-list that would have let a refused connection pass; none where no entry would. */
export function allowing(denied: { host: string; port: number; code: string }): string | undefined {
  const { host, port, code } = denied;
  switch (code) {
    case "host_not_allowed":
    case "method_not_allowed":
    case "path_not_allowed":
      return WEB.includes(port) ? host : `${host}:${port}`;
    case "port_not_allowed":
      return `${host}:${port}`;
    case "websocket_not_allowed":
      return `${WEB.includes(port) ? host : `${host}:${port}`} +websocket`;
    default:
      return undefined;
  }
}
