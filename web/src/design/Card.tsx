import { type ReactNode, useId } from "react";
import { cx } from "./cx";

interface CardProps {
  title: string;
  icon?: ReactNode;
  /** Beside the title, for example a count. */
  aside?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A raised part of a window with a heading. */
export function Card({ title, icon, aside, className, children }: CardProps) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      className={cx("flex min-w-0 flex-col rounded-card border border-line bg-raised shadow-card", className)}
    >
      <header className="flex min-h-12 items-center gap-2 border-b border-line px-4 py-2 [&>svg]:size-4 [&>svg]:text-gilt">
        {icon}
        <h2 id={id} className="text-sm font-semibold">
          {title}
        </h2>
        <div className="ml-auto flex items-center gap-2 text-sm text-quiet">{aside}</div>
      </header>
      <div className="min-h-0 flex-1 p-4">{children}</div>
    </section>
  );
}
