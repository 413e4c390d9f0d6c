import { Pencil, Trash2, TriangleAlert } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Badge } from "../ui/Badge";
import { Button, IconButton } from "../ui/Button";
import { TextArea } from "../ui/Field";
import styles from "./CommentRows.module.css";
import {
  type Comment,
  newCommentId,
  type Place,
  placeText,
  removeComment,
  saveComment,
} from "./comments";
import { type Finding, SEVERITY } from "./findings";
import { Why } from "./Why";

/** A comment that is kept until all are sent. */
export function CommentRow({ agent, comment }: { agent: string; comment: Comment }) {
  const [isEditing, setEditing] = useState(false);
  if (isEditing) {
    return (
      <Editor
        place={comment.place}
        text={comment.text}
        onSave={(text) => {
          saveComment(agent, { ...comment, text });
          setEditing(false);
        }}
        onCancel={() => setEditing(false)}
      />
    );
  }
  return (
    <div className={styles.row}>
      <div className={styles.card}>
        <div className={styles.head}>
          <Badge tone="amber">Not sent yet</Badge>
          <span className={styles.where}>{linesText(comment.place)}</span>
          <span className={styles.tools}>
            <IconButton
              size="s"
              label="Edit the comment"
              icon={<Pencil />}
              onPress={() => setEditing(true)}
            />
            <IconButton
              size="s"
              label="Delete the comment"
              icon={<Trash2 />}
              onPress={() => removeComment(agent, comment.id)}
            />
          </span>
        </div>
        <p className={styles.text}>{comment.text}</p>
      </div>
    </div>
  );
}

interface DraftRowProps {
  agent: string;
  place: Place;
  onDone(): void;
}

/** A new comment being written. */
export function DraftRow({ agent, place, onDone }: DraftRowProps) {
  return (
    <Editor
      place={place}
      text=""
      onSave={(text) => {
        saveComment(agent, { id: newCommentId(), place, text });
        onDone();
      }}
      onCancel={onDone}
    />
  );
}

interface EditorProps {
  place: Place;
  text: string;
  onSave(text: string): void;
  onCancel(): void;
}

function Editor({ place, text: before, onSave, onCancel }: EditorProps) {
  const [text, setText] = useState(before);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), []);
  const save = () => text.trim() !== "" && onSave(text.trim());
  return (
    <div className={styles.row}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: keys of the field inside */}
      <div
        className={styles.card}
        onKeyDown={(event) => {
          if (event.key === "Escape") onCancel();
          else if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) save();
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      >
        <TextArea
          label={`Comment on ${placeText(place)}`}
          hideLabel
          placeholder={`What should the agent change at ${linesText(place)}?`}
          rows={3}
          value={text}
          onChange={setText}
          textAreaRef={area}
        />
        <div className={styles.buttons}>
          <span className={styles.where}>Kept here until you send all comments together.</span>
          <Button size="s" variant="quiet" onPress={onCancel}>
            Cancel
          </Button>
          <Button size="s" onPress={save} isDisabled={text.trim() === ""}>
            Keep comment
          </Button>
        </div>
      </div>
    </div>
  );
}

function linesText({ from, to, side }: Place): string {
  const lines = from === to ? `line ${from}` : `lines ${from}–${to}`;
  return side === "before" ? `${lines} before the change` : lines;
}

/** A risk that was seen in a line. */
export function FindingRow({ finding }: { finding: Finding }) {
  const { tone, word } = SEVERITY[finding.severity];
  return (
    <div className={styles.row}>
      <div className={styles.card}>
        <div className={styles.head}>
          <Badge tone={tone} icon={<TriangleAlert aria-hidden="true" />}>
            {word}
          </Badge>
          <span className={styles.where}>{finding.rule}</span>
        </div>
        <p className={styles.text}>
          <Why text={finding.title} />
        </p>
      </div>
    </div>
  );
}
