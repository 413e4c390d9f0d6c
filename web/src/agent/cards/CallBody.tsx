import { Button } from "../../ui/Button";
import { CopyButton } from "../../ui/CopyButton";
import type { CallRow } from "../rows";
import { Todos } from "../timeline/Todos";
import styles from "./CallCard.module.css";
import { DiffLines } from "./DiffLines";
import { OutlayOf } from "./Outlay";
import { lineCount, Output } from "./Output";
import type { Body, Told } from "./tool";

/** Lines shown before anybody opens the card. */
const PREVIEW = { running: 12, failed: 12, done: 4, diff: 16, content: 6 };

interface CallBodyProps {
  row: CallRow;
  told: Told;
  isOpen: boolean;
  onOpen(): void;
}

/** What a call printed, changed or found: some lines of it, or all once opened. */
export function CallBody(props: CallBodyProps) {
  const { row, told, isOpen } = props;
  if (row.state !== "done" && row.output) return <LiveOutput row={row} isOpen={isOpen} />;
  const { body } = told;
  if (!body) return null;
  return (
    <div className={styles.body}>
      {isOpen && told.tool === "command" && told.target.includes("\n") && (
        <Output text={told.target} label="The whole command" />
      )}
      <Shown {...props} body={body} />
      {isOpen && <Tail row={row} body={body} />}
    </div>
  );
}

function LiveOutput({ row, isOpen }: { row: CallRow; isOpen: boolean }) {
  const text = row.output?.map((piece) => piece.text).join("") ?? "";
  const lines = isOpen ? 400 : PREVIEW.running;
  return (
    <div className={styles.body}>
      {row.outputCut && <p className={styles.note}>Earlier output is not shown here.</p>}
      <Output text={text} lines={lines} from="end" label="Output so far" />
    </div>
  );
}

function Shown({ row, body, isOpen, onOpen }: CallBodyProps & { body: Body }) {
  if (body.type === "todos") return isOpen ? <Todos todos={body.todos} /> : null;
  if (body.type === "raw") {
    if (!isOpen)
      return row.result?.isError ? <Output text={body.text} isProse label="Result" /> : null;
    return (
      <>
        <p className={styles.note}>Asked for</p>
        <Output text={body.argumentsText} label="Arguments" />
        {body.text !== "" && <p className={styles.note}>Answer</p>}
        {body.text !== "" && <Output text={body.text} label="Result" />}
      </>
    );
  }
  const total = lineCount(body.text);
  if (body.text.trim() === "") return isOpen ? <p className={styles.note}>No output.</p> : null;
  const lines = isOpen ? total : preview(row, body);
  if (lines === 0) return null;
  const isFromEnd = body.type === "output" && !isOpen;
  const hidden = total - lines;
  return (
    <>
      {body.type === "diff" ? (
        <DiffLines text={body.text} lines={lines} />
      ) : (
        <Output
          text={body.text}
          lines={lines}
          from={isFromEnd ? "end" : "start"}
          isProse={body.type === "content" && row.result?.isError === true}
          label={body.type === "output" ? "Output" : "Content"}
        />
      )}
      {hidden > 0 && (
        <div className={styles.more}>
          <Button variant="quiet" size="s" onPress={onOpen}>
            {`Show all ${total} lines`}
          </Button>
        </div>
      )}
    </>
  );
}

function preview(row: CallRow, body: Body): number {
  if (body.type === "diff") return PREVIEW.diff;
  if (row.result?.isError) return PREVIEW.failed;
  return body.type === "output" ? PREVIEW.done : 0;
}

function Tail({ row, body }: { row: CallRow; body: Body }) {
  if (body.type === "todos") return null;
  return (
    <div className={styles.tail}>
      {row.result?.truncated && (
        <span>The rest of the output stayed in the machine, where the agent can read on.</span>
      )}
      {row.outlay && <OutlayOf outlay={row.outlay} />}
      <CopyButton text={body.text} label="Copy" labelled />
    </div>
  );
}
