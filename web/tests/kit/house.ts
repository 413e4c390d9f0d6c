import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");
const RELEASE = process.env.ERRAND_BIN
  ? dirname(process.env.ERRAND_BIN)
  : join(ROOT, "target/release");
const PATIENCE_MS = 30_000;

/** A real server of the release binary with a scripted model, on loopback, in a folder of its own. */
export class House {
  readonly folder = mkdtempSync(join(tmpdir(), "errand-web-"));
  readonly data = join(this.folder, "data");
  /** What pages open. */
  url = "";
  /** The server itself. */
  server = "";
  #port = 0;
  #front: ChildProcess | undefined;
  #model: ChildProcess | undefined;
  #server: ChildProcess | undefined;
  #log = "";

  /** `more` is added to the configuration. */
  static async start(more = ""): Promise<House> {
    const house = new House();
    // As root the server becomes another user, who must be able to walk to its data.
    chmodSync(house.folder, 0o711);
    mkdirSync(house.data);
    const modelPort = await freePort();
    house.#model = await house.#spawn("errand-scripted", [`127.0.0.1:${modelPort}`], /^ready /m);
    const config = `[models]\nscripted_url = "http://127.0.0.1:${modelPort}"\n${more}`;
    writeFileSync(join(house.data, "errand.toml"), config);
    house.#port = await freePort();
    house.server = `http://127.0.0.1:${house.#port}`;
    const front = process.env.ERRAND_WEB_FRONT;
    house.url = front ? await house.#startFront(front) : house.server;
    await house.open();
    return house;
  }

  /** Starts the server, again after `kill`. */
  async open(): Promise<void> {
    const args = ["serve", "--listen", `127.0.0.1:${this.#port}`, "--data", this.data];
    this.#server = this.#launch("errand", args);
    await until(
      async () => (await fetch(`${this.server}/readyz`)).ok,
      () => this.#log,
    );
  }

  /** Ends the server as a crash would. */
  async kill(): Promise<void> {
    await end(this.#server, "SIGKILL");
  }

  /** The first key. */
  get token(): string {
    return readFileSync(join(this.data, "admin-token"), "utf8").trim();
  }

  /** A request with the first key. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.server + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** A repository with one commit on `main`; the address to give to agents. */
  repository(name: string, files: Record<string, string> = { "README.md": `# ${name}\n` }): string {
    const work = join(this.folder, `${name}-work`);
    const bare = join(this.folder, `${name}.git`);
    mkdirSync(work);
    git(work, "init", "-q", "-b", "main");
    commit(work, files, "Begin");
    git(work, "clone", "-q", "--bare", ".", bare);
    give(bare, "64420");
    return bare;
  }

  /** A commit of Ada's on its `main`. */
  push(bare: string, files: Record<string, string>): void {
    const work = bare.replace(/\.git$/, "-work");
    commit(work, files, "Go on");
    // git works in no repository of somebody else's.
    give(bare, "0");
    git(work, "push", "-q", bare, "main");
    give(bare, "64420");
  }

  async stop(): Promise<void> {
    await end(this.#front, "SIGTERM");
    await end(this.#server, "SIGTERM");
    await end(this.#model, "SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** For working on pages: a built app as it is now before the server, instead of what is in the binary. */
  async #startFront(folder: string): Promise<string> {
    const port = await freePort();
    const vite = join(ROOT, "web/node_modules/vite/bin/vite.js");
    const where = ["--outDir", folder, "--host", "127.0.0.1", "--port", String(port)];
    this.#front = spawn(process.execPath, [vite, "preview", ...where, "--strictPort"], {
      cwd: join(ROOT, "web"),
      stdio: "ignore",
      env: { ...process.env, ERRAND_SERVER: this.server },
    });
    const url = `http://127.0.0.1:${port}`;
    await until(
      async () => (await fetch(url)).ok,
      () => "vite preview does not answer",
    );
    return url;
  }

  #launch(program: string, args: string[]): ChildProcess {
    const child = spawn(join(RELEASE, program), args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH ?? "", HOME: this.folder },
    });
    const keep = (bytes: Buffer) => {
      this.#log = (this.#log + bytes.toString()).slice(-8_000);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    return child;
  }

  async #spawn(program: string, args: string[], ready: RegExp): Promise<ChildProcess> {
    const child = this.#launch(program, args);
    await until(
      async () => ready.test(this.#log),
      () => this.#log,
    );
    return child;
  }
}

/** Waits for a condition of the world outside the browser. */
export async function until(holds: () => Promise<boolean>, log: () => string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const held = await holds().catch(() => false);
    if (held) return;
    if (Date.now() > deadline) throw new Error(`waited in vain; the last that was said:\n${log()}`);
    await new Promise((go) => setTimeout(go, 50));
  }
}

function end(child: ChildProcess | undefined, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  return new Promise((done) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return done();
    child.once("exit", () => done());
    child.kill(signal);
  });
}

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => found(port));
    });
  });
}

function git(folder: string, ...args: string[]): void {
  execFileSync("git", args, { cwd: folder, stdio: "pipe" });
}

function commit(folder: string, files: Record<string, string>, subject: string): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  git(folder, "add", ".");
  const ada = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
  git(folder, ...ada, "commit", "-q", "-m", subject);
}

/** To the user that the server gives up its rights for, or back. */
function give(folder: string, user: string): void {
  if (process.getuid?.() === 0) execFileSync("chown", ["-R", user, folder]);
}
