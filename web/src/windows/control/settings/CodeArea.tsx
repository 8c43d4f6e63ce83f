import { useId, useImperativeHandle, useMemo, useRef, useState } from "react";
import { cx } from "../../../design/cx";

/** What a page may do with the text's place. */
export interface CodeAreaHandle {
  /** Put the caret at the beginning of a line, counted from 1, and show it. */
  goTo: (line: number) => void;
}

interface CodeAreaProps {
  label: string;
  value: string;
  /** Lines to mark, counted from 1, each with the reason. */
  marks: Map<number, string>;
  hint: string;
  onChange: (text: string) => void;
  onSave: () => void;
  handle: React.Ref<CodeAreaHandle>;
  disabled?: boolean;
}

/** Pixels of a line; the numbers, the marks and the text share it. */
const LINE = 20;
const PADDING = 12;

/** A text to edit with numbered lines, of which some are marked. */
export function CodeArea({ label, value, marks, hint, onChange, onSave, handle, disabled }: CodeAreaProps) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const [top, setTop] = useState(0);
  const [leaving, setLeaving] = useState(false);
  const lines = useMemo(() => value.split("\n").length, [value]);
  const numbers = useMemo(() => Array.from({ length: lines }, (_, i) => i + 1), [lines]);

  useImperativeHandle(handle, () => ({
    goTo(line) {
      const text = area.current;
      if (!text) return;
      const before = value.split("\n").slice(0, Math.max(0, line - 1));
      const at = before.reduce((sum, each) => sum + each.length + 1, 0);
      text.focus();
      text.setSelectionRange(at, at);
      text.scrollTop = Math.max(0, (line - 1) * LINE - text.clientHeight / 3);
    },
  }));

  /** Tab indents as in an editor, unless Escape said that the next one leaves. */
  const onKeyDown = (event: React.KeyboardEvent<HTMLTextAreaElement>) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
      event.preventDefault();
      onSave();
    } else if (event.key === "Tab" && !event.shiftKey && !leaving) {
      event.preventDefault();
      const { selectionStart, selectionEnd } = event.currentTarget;
      event.currentTarget.setRangeText("    ", selectionStart, selectionEnd, "end");
      onChange(event.currentTarget.value);
    }
    setLeaving(event.key === "Escape");
  };

  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2">
      <label htmlFor={id} className="sr-only">
        {label}
      </label>
      <div className="relative flex min-h-72 flex-1 overflow-hidden rounded-card border border-edge/60 bg-house font-mono text-[13px] focus-within:border-gilt focus-within:ring-2 focus-within:ring-gilt/40">
        <div
          aria-hidden
          className="w-12 shrink-0 overflow-hidden border-r border-line text-right text-quiet select-none"
        >
          <div style={{ transform: `translateY(${PADDING - top}px)` }}>
            {numbers.map((number) => (
              <div
                key={number}
                title={marks.get(number)}
                style={{ height: LINE, lineHeight: `${LINE}px` }}
                className={cx("px-2 tabular-nums", marks.has(number) && "bg-trouble/20 font-semibold text-trouble")}
              >
                {number}
              </div>
            ))}
          </div>
        </div>
        <div className="relative min-w-0 flex-1 overflow-hidden">
          <div aria-hidden className="pointer-events-none absolute inset-0">
            {[...marks.keys()].map((line) => (
              <div
                key={line}
                className="absolute inset-x-0 bg-trouble/15"
                style={{ height: LINE, top: PADDING - top + (line - 1) * LINE }}
              />
            ))}
          </div>
          <textarea
            ref={area}
            id={id}
            value={value}
            disabled={disabled}
            wrap="off"
            spellCheck={false}
            autoCapitalize="off"
            autoCorrect="off"
            aria-invalid={marks.size > 0}
            aria-describedby={`${id}-hint`}
            onChange={(event) => onChange(event.target.value)}
            onKeyDown={onKeyDown}
            onScroll={(event) => setTop(event.currentTarget.scrollTop)}
            style={{ lineHeight: `${LINE}px`, paddingBlock: PADDING }}
            className="absolute inset-0 size-full resize-none bg-transparent px-3 text-ink outline-none"
          />
        </div>
      </div>
      <p id={`${id}-hint`} className="text-xs text-quiet">
        {hint}
      </p>
    </div>
  );
}
