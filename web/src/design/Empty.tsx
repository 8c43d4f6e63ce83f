import type { ReactNode } from "react";
import { cx } from "./cx";

interface EmptyProps {
  icon: ReactNode;
  title: string;
  /** Beside each other instead of below each other, as suits one card among many. */
  small?: boolean;
  /** What to do next. */
  children: ReactNode;
}

/** What stands where nothing is yet, with what to do next. */
export function Empty({ icon, title, small, children }: EmptyProps) {
  return (
    <div
      className={cx(
        "flex [&>svg]:shrink-0 [&>svg]:text-gilt",
        small
          ? "gap-3 text-sm [&>svg]:mt-0.5 [&>svg]:size-4"
          : "h-full flex-col items-center justify-center gap-2 px-4 py-3 text-center [&>svg]:size-6",
      )}
    >
      {icon}
      <div>
        <p className="font-medium">{title}</p>
        <div className={cx("text-sm text-quiet", !small && "mt-2 max-w-sm text-balance")}>{children}</div>
      </div>
    </div>
  );
}
