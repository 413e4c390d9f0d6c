import {
  Archive,
  ArchiveRestore,
  FileCog,
  FoldVertical,
  GitFork,
  GitMerge,
  Globe,
  HardDriveDownload,
  MoonStar,
  Octagon,
  RefreshCw,
  SquareTerminal,
  Sunrise,
  TriangleAlert,
  Unplug,
} from "lucide-react";
import { memo } from "react";
import { Link } from "react-router";
import { parted } from "../../api/errors";
import { Button } from "../../ui/Button";
import { bytes, plural } from "../../ui/format";
import { Markdown } from "../../ui/Markdown";
import { visibleBidi } from "../../ui/untrusted";
import { Output } from "../cards/Output";
import type { NoteRow, RetryRow } from "../rows";
import { useOpening, useRow } from "../useTimeline";
import { ASLEEP, FAILED_AT, NOTICES } from "../words";
import { AllThree } from "./AllThree";
import { Denied } from "./Denied";
import { Line } from "./Line";
import styles from "./Notes.module.css";
import { Withheld } from "./Withheld";

/** Something the platform says. */
export const Note = memo(function Note({ row }: { row: NoteRow }) {
  const { note } = row;
  switch (note.type) {
    case "notice":
      return (
        <Line icon={TriangleAlert} tone="amber" title={NOTICES[note.code] ?? "The agent was told"}>
          {note.text}
        </Line>
      );
    case "compacted":
      return <Compacted row={row} summary={note.summary} />;
    case "denied":
      return <Denied note={note} />;
    case "allowed":
      return (
        <Line icon={Globe}>
          {note.principal} allowed <code>{visibleBidi(note.entry)}</code>
          {note.isForRun ? " until the run ends" : " for this agent"}.
        </Line>
      );
    case "narrowed":
      return (
        <Line icon={Globe}>
          The network is the agent's own from here on
          {note.secrets.length > 0 && `, without the build secrets ${note.secrets.join(", ")}`}.
        </Line>
      );
    case "allThree":
      return <AllThree note={note} />;
    case "flowAllowed":
      return (
        <Line icon={Globe}>
          {note.principal} allowed the agent to send to hosts, until it reads something that is
          trusted less.
        </Line>
      );
    case "stopAllowed":
      return (
        <Line icon={Globe}>
          {note.principal} lets a push carry what stopped one: {visibleBidi(note.reason)}
        </Line>
      );
    case "withheld":
      return <Withheld note={note} />;
    case "configured":
      return (
        <Line icon={Globe}>
          {note.principal} allowed what configures this agent. It has its secrets from its next
          message on.
        </Line>
      );
    case "lost":
      return (
        <Line icon={Unplug} tone="red" title="The machine was lost">
          It stopped without being asked to ({note.reason}). Another one is made; work up to the
          last saved state is kept.
        </Line>
      );
    case "asleep":
      return <Asleep epoch={note.epoch} reason={note.reason} />;
    case "failure":
      return (
        <Line icon={RefreshCw} tone="amber" title={note.title}>
          <Why failure={note.failure} />
        </Line>
      );
    case "keeping":
      return (
        <Line icon={HardDriveDownload}>
          {note.principal} keeps this machine for new agents. That is done as soon as no run works.
        </Line>
      );
    case "kept":
      return (
        <Line icon={HardDriveDownload}>
          This machine is what new agents of its repositories begin with: {bytes(note.bytes)} in{" "}
          {plural(note.files, "file")}.
        </Line>
      );
    case "forking":
      return (
        <Line icon={GitFork}>
          {note.principal} forked this agent: another one goes on from here, with the same files.
        </Line>
      );
    case "forked":
      return (
        <Line icon={GitFork}>
          This agent goes on where <Link to={`/agents/${note.agent}`}>another one</Link> was, with
          the same files and what was said there.
        </Line>
      );
    case "notKept":
      return (
        <Line icon={HardDriveDownload} tone="red" title="The machine could not be kept">
          It is as it was. <Why failure={note.failure} />
        </Line>
      );
    case "environment":
      return <Environment note={note} />;
    case "cancel":
      return <Line icon={Octagon}>{note.principal} stopped the run.</Line>;
    case "merged":
      return (
        <Line icon={GitMerge}>
          {note.principal} merged pull request #{note.number}.
        </Line>
      );
    case "updated":
      return (
        <Line icon={GitMerge}>
          {note.principal} brought the branch of pull request #{note.number} up to date with its
          base.
        </Line>
      );
    case "terminal":
      return (
        <Line icon={SquareTerminal}>
          {note.principal} {note.taken ? "took over" : "handed back"}{" "}
          {note.terminal === ":browser" ? "the browser" : `the terminal ${note.terminal}`}.
        </Line>
      );
    case "archived":
      return <Line icon={Archive}>{note.principal} archived the agent.</Line>;
    case "unarchived":
      return <Line icon={ArchiveRestore}>{note.principal} took the agent out of the archive.</Line>;
    case "woken":
      return <Line icon={Sunrise}>{note.principal} woke the machine.</Line>;
  }
});

function Asleep({ epoch, reason }: { epoch: number; reason: string }) {
  const machine = useRow(`setup:${epoch}`);
  // One that never came up does not go to sleep; its own row says what became of it.
  if (machine?.kind === "setup" && machine.isStopped && machine.bootMs === undefined) return null;
  return <Line icon={MoonStar}>{ASLEEP[reason] ?? `The machine was stopped (${reason}).`}</Line>;
}

type EnvironmentNote = Extract<NoteRow["note"], { type: "environment" }>;

/** What of the repository's environment file is left out. */
function Environment({ note }: { note: EnvironmentNote }) {
  const isLeft = note.problems.length > 0;
  const title = isLeft
    ? `${visibleBidi(note.file)} is not followed; the agent starts from the defaults`
    : `About ${visibleBidi(note.file)}`;
  const all = [...note.problems, ...note.warnings];
  return (
    <Line icon={FileCog} title={title} {...(isLeft && { tone: "amber" as const })}>
      {all.map((text) => (
        <span key={text} className={styles.remark}>
          {visibleBidi(text)}
        </span>
      ))}
    </Line>
  );
}

/** Why something failed, and what a program printed before. */
export function Why({ failure }: { failure: { code: string; phase: string; message: string } }) {
  const { first, rest } = parted(failure.message);
  return (
    <>
      {first} <Where failure={failure} />
      {rest !== "" && (
        <div className={styles.printed}>
          <Output text={rest} from="end" isProse label="What it printed last" />
        </div>
      )}
    </>
  );
}

/** Phase and code of a failure, for looking it up. */
export function Where({ failure }: { failure: { code: string; phase: string } }) {
  return (
    <span className={styles.where}>
      While {FAILED_AT[failure.phase] ?? failure.phase}, code <code>{failure.code}</code>
    </span>
  );
}

function Compacted({ row, summary }: { row: NoteRow; summary: string }) {
  const [isOpen, open] = useOpening(row.key, false);
  return (
    <div className={styles.compacted}>
      <div className={styles.rule}>
        <FoldVertical aria-hidden="true" />
        <span>Older messages were summarised for the model</span>
        <Button variant="quiet" size="s" onPress={() => open(!isOpen)} aria-expanded={isOpen}>
          {isOpen ? "Hide the summary" : "Show the summary"}
        </Button>
      </div>
      {isOpen && (
        <div className={styles.summary}>
          <Markdown text={summary} />
        </div>
      )}
    </div>
  );
}

/** The model's provider did not answer and is asked again. */
export const Retry = memo(function Retry({ row }: { row: RetryRow }) {
  const reason = row.reason ? `: ${row.reason}` : "";
  return (
    <Line icon={RefreshCw}>
      {row.until !== undefined
        ? `The model did not answer${reason}. Attempt ${row.attempts} follows in a moment.`
        : `The model was asked ${row.attempts} times until it answered${reason}.`}
    </Line>
  );
});
