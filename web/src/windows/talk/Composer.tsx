import { SendHorizontal } from "lucide-react";
import { useState } from "react";
import { IconButton } from "../../design/Button";
import { endsComposition } from "../../design/composition";
import { Field } from "../../design/Field";
import { useText } from "./text";

interface ComposerProps {
  /** Nobody may write here. */
  disabled: boolean;
  /** What is written can be sent now; where it cannot, it may be written all the same. */
  open: boolean;
  send: (text: string) => boolean;
}

/** Where a partner types. */
export function Composer({ disabled, open, send }: ComposerProps) {
  const [text, setText] = useState("");
  const words = useText();
  return (
    <form
      className="flex items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() && send(text.trim())) setText("");
      }}
    >
      <Field
        quiet
        label={words.type}
        placeholder={words.type}
        value={text}
        maxLength={1000}
        disabled={disabled}
        autoComplete="off"
        enterKeyHint="send"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => endsComposition(event) && event.preventDefault()}
        className="h-11"
      />
      <IconButton
        label={words.send}
        kind={text.trim() ? "live" : "plain"}
        type="submit"
        disabled={disabled || !open || !text.trim()}
        className="size-11"
      >
        <SendHorizontal aria-hidden />
      </IconButton>
    </form>
  );
}
