import { Button } from "../../../design/Button";
import { cx } from "../../../design/cx";
import { Dialog } from "../../../design/Dialog";
import type { ShowFile } from "./api";
import { changes, folded } from "./changes";
import { TEXT } from "./text";

interface ConflictProps {
  theirs: ShowFile;
  mine: string;
  saving: boolean;
  onTheirs: () => void;
  onMine: () => void;
  onClose: () => void;
}

const MARK = { theirs: "−", mine: "+" };

/** Two people wrote the same file: what differs, and whose words stay. */
export function Conflict({ theirs, mine, saving, onTheirs, onMine, onClose }: ConflictProps) {
  return (
    <Dialog title={TEXT.conflict} description={TEXT.conflictHelp} open onClose={onClose}>
      <p className="mb-2 flex gap-4 text-xs">
        <span className="text-trouble">
          {MARK.theirs} {TEXT.theirs}
        </span>
        <span className="text-well">
          {MARK.mine} {TEXT.mine}
        </span>
      </p>
      <section
        aria-label={TEXT.conflict}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by key
        tabIndex={0}
        className="max-h-[45dvh] overflow-auto rounded-card bg-house py-2 font-mono text-xs"
      >
        {folded(changes(theirs.text, mine)).map((piece, index) =>
          typeof piece === "number" ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces never change places
            <p key={index} className="px-3 py-1 text-quiet">
              ⋯ {TEXT.left(piece)}
            </p>
          ) : (
            <p
              // biome-ignore lint/suspicious/noArrayIndexKey: pieces never change places
              key={index}
              className={cx(
                "w-max min-w-full px-3 whitespace-pre",
                piece.kind === "theirs" && "bg-trouble/15",
                piece.kind === "mine" && "bg-well/15",
              )}
            >
              {piece.kind === "same" ? " " : MARK[piece.kind]} {piece.text}
            </p>
          ),
        )}
      </section>
      <div className="mt-4 flex flex-wrap justify-end gap-2">
        <Button onClick={onClose}>{TEXT.conflictEdit}</Button>
        <Button onClick={onTheirs}>{TEXT.conflictTheirs}</Button>
        <Button kind="danger" disabled={saving} onClick={onMine}>
          {TEXT.conflictMine}
        </Button>
      </div>
    </Dialog>
  );
}
