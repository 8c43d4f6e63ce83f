import { SearchIcon, X } from "lucide-react";
import { useId, useRef } from "react";

const TEXT = { clear: "Clear the search" };

interface SearchProps {
  label: string;
  placeholder?: string;
  value: string;
  onChange: (text: string) => void;
}

/** Words to look for. */
export function Search({ label, placeholder, value, onChange }: SearchProps) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  return (
    <search className="relative min-w-48 flex-1">
      <label htmlFor={id} className="sr-only">
        {label}
      </label>
      <SearchIcon aria-hidden className="pointer-events-none absolute top-3 left-3 size-4 text-quiet" />
      <input
        ref={field}
        id={id}
        type="search"
        value={value}
        placeholder={placeholder ?? label}
        maxLength={200}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || !value) return;
          event.preventDefault();
          onChange("");
        }}
        className="h-10 w-full min-w-0 rounded-card border border-edge/60 bg-house pr-10 pl-9 text-ink transition placeholder:text-quiet hover:border-edge focus:border-gilt focus:ring-2 focus:ring-gilt/40 focus:outline-none [&::-webkit-search-cancel-button]:hidden"
      />
      {value && (
        <button
          type="button"
          aria-label={TEXT.clear}
          onClick={() => {
            onChange("");
            field.current?.focus();
          }}
          className="absolute top-1 right-1 grid size-8 place-items-center rounded-md text-quiet hover:text-ink"
        >
          <X aria-hidden className="size-4" />
        </button>
      )}
    </search>
  );
}
