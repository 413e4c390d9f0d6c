// Runs before the app's code is there: sets the chosen theme before the first paint, and asks for what
// the first page will ask for. A file of its own, because no inline script may run.
(() => {
  try {
    const theme = localStorage.getItem("errand.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // A browser that keeps nothing follows the device.
  }

  const { hash, pathname } = location;
  // A one-time code in the address is spent before anything is asked.
  if (pathname === "/sign-in" || hash.startsWith("#code=")) return;
  const agent = /^\/agents\/(bc-[0-9a-f-]+)\/?$/.exec(pathname)?.[1];

  // Taken by src/api/asked.ts.
  const answers = new Map();
  globalThis.errandAsked = answers;
  const ask = (path) => {
    const answer = fetch(path);
    // Whoever takes it sees the failure; nobody may.
    answer.catch(() => undefined);
    answers.set(path, answer);
  };
  ask("/v1/session");
  if (agent !== undefined) {
    ask(`/v1/agents/${agent}`);
    ask(`/v1/agents/${agent}/events?before=${Number.MAX_SAFE_INTEGER}&limit=120`);
  }

  // The build writes which files the code of a page is; see scripts/ahead.ts.
  const { conversation = "", home = "" } = document.currentScript.dataset;
  const files = agent !== undefined ? conversation : pathname === "/" ? home : "";
  for (const file of files.split(" ").filter(Boolean)) {
    const link = document.createElement("link");
    const isStyle = file.endsWith(".css");
    link.rel = isStyle ? "preload" : "modulepreload";
    if (isStyle) link.as = "style";
    link.crossOrigin = "";
    link.href = file;
    document.head.append(link);
  }
})();
