import { CircleAlert, CircleCheck, FileCog, RotateCcw, Save } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useBlocker } from "react-router";
import { Badge, type Tone } from "../../../design/Badge";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Confirm } from "../../../design/Confirm";
import { Empty } from "../../../design/Empty";
import { useToast } from "../../../design/Toast";
import { Loaded } from "../Loaded";
import type { Checked, Mistake, Need } from "./api";
import { CodeArea, type CodeAreaHandle } from "./CodeArea";
import { Conflict } from "./Conflict";
import { TEXT } from "./text";
import { useShowFile } from "./useShowFile";

const NEED_TONES: Record<Need, Tone> = { nothing: "well", reload: "gilt", restart: "live" };

/** The show file in an editor that checks it as one types. */
export function Settings() {
  const toast = useToast();
  const told = ({ needs = [] }: Partial<Checked>) => {
    const later = needs.filter((each) => each.needs === "restart").map((each) => each.key);
    toast(later.length ? TEXT.savedRestart(later.join(", ")) : TEXT.saved);
  };
  const show = useShowFile(told, (error) => toast(error.message, true));
  const editor = useRef<CodeAreaHandle>(null);
  const [asked, setAsked] = useState(false);
  const mistakes = show.check.data?.mistakes ?? [];
  const marks = useMemo(
    () =>
      new Map(
        (show.check.data?.mistakes ?? []).filter((each) => each.line > 0).map((each) => [each.line, each.reason]),
      ),
    [show.check.data],
  );
  const savable = show.edited && mistakes.length === 0 && !show.checking && !show.saving;

  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
      <Card
        title={TEXT.file}
        icon={<FileCog aria-hidden />}
        aside={<State checking={show.checking} mistakes={mistakes.length} edited={show.edited} />}
      >
        <Loaded query={show.file}>
          {(file) => (
            <div className="flex h-[60dvh] flex-col gap-3 lg:h-[calc(100dvh-14rem)]">
              <p className="truncate text-xs text-quiet" title={file.file}>
                {file.file}
              </p>
              <CodeArea
                label={TEXT.label}
                value={show.text}
                marks={marks}
                hint={TEXT.keyHint}
                onChange={show.edit}
                onSave={() => savable && show.save()}
                handle={editor}
              />
              <div className="flex flex-wrap justify-end gap-2">
                <Button disabled={!show.edited || show.saving} onClick={() => setAsked(true)}>
                  <RotateCcw aria-hidden className="size-4" />
                  {TEXT.undo}
                </Button>
                <Button kind="live" disabled={!savable} onClick={show.save}>
                  <Save aria-hidden className="size-4" />
                  {TEXT.save}
                </Button>
              </div>
            </div>
          )}
        </Loaded>
      </Card>
      <div className="flex min-w-0 flex-col gap-4">
        <Mistakes mistakes={mistakes} onChoose={(line) => editor.current?.goTo(line)} />
        <Needs needs={show.check.data?.needs ?? []} />
      </div>
      {show.conflict && (
        <Conflict
          theirs={show.conflict}
          mine={show.text}
          saving={show.saving}
          onTheirs={show.yieldTo}
          onMine={show.insist}
          onClose={show.goOn}
        />
      )}
      <Confirm
        open={asked}
        title={TEXT.undoTitle}
        description={TEXT.undoHelp}
        action={TEXT.undo}
        onConfirm={() => {
          show.discard();
          setAsked(false);
        }}
        onClose={() => setAsked(false)}
      />
      <Leaving unsaved={show.edited} />
    </div>
  );
}

/** Asks whoever leaves the page, or closes the window, with what is not saved. */
function Leaving({ unsaved }: { unsaved: boolean }) {
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) => unsaved && currentLocation.pathname !== nextLocation.pathname,
  );
  useEffect(() => {
    if (!unsaved) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [unsaved]);
  return (
    <Confirm
      open={blocker.state === "blocked"}
      title={TEXT.leaveTitle}
      description={TEXT.leaveHelp}
      action={TEXT.leave}
      cancel={TEXT.stay}
      onConfirm={() => blocker.proceed?.()}
      onClose={() => blocker.state === "blocked" && blocker.reset()}
    />
  );
}

function State({ checking, mistakes, edited }: { checking: boolean; mistakes: number; edited: boolean }) {
  return (
    <>
      {edited && <Badge tone="gilt">{TEXT.unsaved}</Badge>}
      <span role="status">
        <Badge tone={checking ? "quiet" : mistakes ? "trouble" : "well"} dot={checking ? "pulse" : true}>
          {checking ? TEXT.checking : mistakes ? TEXT.mistakes(mistakes) : TEXT.fine}
        </Badge>
      </span>
    </>
  );
}

function Mistakes({ mistakes, onChoose }: { mistakes: Mistake[]; onChoose: (line: number) => void }) {
  return (
    <Card title={TEXT.mistakesTitle} icon={<CircleAlert aria-hidden />}>
      {mistakes.length === 0 ? (
        <Empty small icon={<CircleCheck aria-hidden />} title={TEXT.mistakesNone}>
          {TEXT.mistakesNoneHelp}
        </Empty>
      ) : (
        <ol className="-m-2 flex max-h-80 flex-col overflow-y-auto text-sm">
          {mistakes.map((mistake) => (
            <li key={`${mistake.line}/${mistake.key}/${mistake.reason}`}>
              <button
                type="button"
                onClick={() => onChoose(mistake.line)}
                className="w-full rounded-card p-2 text-left transition hover:bg-hover"
              >
                <span className="flex gap-2 text-xs text-trouble">
                  <span className="shrink-0 font-semibold tabular-nums">{TEXT.line(mistake.line)}</span>
                  <span className="min-w-0 truncate font-mono">{mistake.key}</span>
                </span>
                <span className="break-words">{mistake.reason}</span>
              </button>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}

function Needs({ needs }: { needs: Checked["needs"] }) {
  return (
    <Card title={TEXT.needsTitle} icon={<RotateCcw aria-hidden />}>
      {needs.length === 0 ? (
        <Empty small icon={<CircleCheck aria-hidden />} title={TEXT.needsNone}>
          {TEXT.needsNoneHelp}
        </Empty>
      ) : (
        <ul className="flex max-h-80 flex-col gap-3 overflow-y-auto text-sm">
          {needs.map((each) => (
            <li key={each.key}>
              <p className="flex items-center gap-2">
                <span className="min-w-0 flex-1 truncate font-mono text-xs">{each.key}</span>
                <Badge tone={NEED_TONES[each.needs]}>{TEXT.needs[each.needs]}</Badge>
              </p>
              <p className="text-xs text-quiet">{TEXT.needsHelp[each.needs]}</p>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
