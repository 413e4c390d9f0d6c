import { useServer, useSettings } from "../api/queries";
import { providerName } from "../api/status";
import styles from "./Options.module.css";

/** What is not chosen here, but true of every agent of this server: said, not offered. */
export function WhatHolds() {
  const server = useServer().data;
  const settings = useSettings().data;
  const provider = server === undefined ? "this server" : providerName(server.provider);
  const facts: [string, string][] = [
    ["Machine", `A sandbox of its own on ${provider}. It sleeps between messages.`],
    [
      "Environment",
      "What a build of its repositories prepared, where there is one. Else the programs of the computer that runs Errand, and what the repository's environment file installs.",
    ],
    ["Worker", "Errand's own agent. It runs commands without asking, inside its sandbox only."],
    [
      "Network",
      "Goes through Errand's gateway: package registries and what your administrator allows. What it reads there may try to mislead it, so give it no secret that the task does not need.",
    ],
    [
      "Privacy",
      settings?.privacyMode
        ? "Privacy mode is on for this agent, for good: its code is kept only to run it."
        : "Privacy mode is off for this agent, for good: the operator of this server may keep its prompts and environment. Nothing leaves this installation.",
    ],
  ];
  return (
    <dl className={styles.holds}>
      {facts.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}
