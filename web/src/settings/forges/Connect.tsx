import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, unwrap } from "../../api/client";
import { explain } from "../../api/errors";
import { queryClient } from "../../api/queries";
import { Button } from "../../ui/Button";
import { Banner } from "../../ui/ErrorState";
import { Select, TextArea, TextField } from "../../ui/Field";
import styles from "../Settings.module.css";
import { type ConnectForge, FORGES, KINDS } from "./queries";

const PUBLIC: Record<string, string> = {
  github: "https://github.com",
  gitlab: "https://gitlab.com",
  bitbucket: "https://bitbucket.org",
};

/** What the token has to be allowed, by kind of host. */
const RIGHTS: Record<string, string> = {
  github:
    "Fine-grained: contents, pull requests, issues and commit statuses (write), checks (read), for the repositories that agents work on.",
  gitlab: "Scopes api and write_repository, of a person, a project or a group.",
  gitea: "Scopes read and write for repository, issue and user.",
  bitbucket: "Read and write for repositories and pull requests.",
};

/** Which credential is entered. */
type With = "token" | "app";

const NOTHING = { token: "", email: "", appId: "", privateKey: "" };

/** Asks for a host and a credential, and connects it. */
export function Connect({ onSaid }: { onSaid(words: string): void }) {
  const [kind, setKind] = useState("github");
  const [url, setUrl] = useState("");
  const [how, setHow] = useState<With>("token");
  const [secret, setSecret] = useState(NOTHING);
  const isApp = kind === "github" && how === "app";
  const connect = useMutation({
    mutationFn: () => unwrap(api.POST("/v1/forges", { body: wanted(kind, url, isApp, secret) })),
    onSuccess: (forge) => {
      setSecret(NOTHING);
      onSaid(`${forge.url} is connected as ${forge.login}.`);
      return queryClient.invalidateQueries({ queryKey: FORGES });
    },
  });
  const isWhole = isApp ? secret.appId !== "" && secret.privateKey !== "" : secret.token !== "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isWhole && !connect.isPending) connect.mutate();
  };
  const write = (part: Partial<typeof NOTHING>) => setSecret({ ...secret, ...part });
  return (
    <form className={styles.stacked} onSubmit={submit}>
      <Select
        label="Kind"
        choices={Object.entries(KINDS).map(([id, label]) => ({ id, label }))}
        value={kind}
        onChange={setKind}
      />
      <TextField
        label="Address of its pages"
        placeholder={PUBLIC[kind] ?? "https://git.example.com"}
        value={url}
        onChange={setUrl}
      />
      {kind === "github" && (
        <Select
          label="Credential"
          choices={[
            { id: "token", label: "A token" },
            { id: "app", label: "A GitHub App" },
          ]}
          value={how}
          onChange={(id) => setHow(id === "app" ? "app" : "token")}
        />
      )}
      {isApp ? (
        <>
          <TextField
            label="Number or client id of the App"
            value={secret.appId}
            onChange={(appId) => write({ appId })}
          />
          <TextArea
            label="Private key (PEM)"
            mono
            rows={5}
            value={secret.privateKey}
            onChange={(privateKey) => write({ privateKey })}
          />
        </>
      ) : (
        <TextField
          label="Token"
          type="password"
          description={RIGHTS[kind]}
          value={secret.token}
          onChange={(token) => write({ token })}
        />
      )}
      {kind === "bitbucket" && (
        <TextField
          label="Mail address of the account"
          description="For a person's API token; empty for one of a repository, project or workspace."
          value={secret.email}
          onChange={(email) => write({ email })}
        />
      )}
      {connect.isError && <Banner tone="red">{explain(connect.error).message}</Banner>}
      <div>
        <Button type="submit" variant="primary" isDisabled={!isWhole} isPending={connect.isPending}>
          Connect
        </Button>
      </div>
    </form>
  );
}

function wanted(kind: string, url: string, isApp: boolean, secret: typeof NOTHING): ConnectForge {
  const place = { kind, ...(url.trim() !== "" && { url: url.trim() }) };
  if (isApp) return { ...place, appId: secret.appId, privateKey: secret.privateKey };
  const email = kind === "bitbucket" && secret.email.trim() !== "" && secret.email.trim();
  return { ...place, token: secret.token, ...(email && { email }) };
}
