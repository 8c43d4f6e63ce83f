import type { ReactNode } from "react";

interface EmptyProps {
  icon: ReactNode;
  title: string;
  /** What to do next. */
  children: ReactNode;
}

/** What stands where nothing is yet, with what to do next. */
export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div className="flex h-full flex-col items-center justify-center gap-2 px-4 py-3 text-center [&>svg]:size-6 [&>svg]:text-gilt">
      {icon}
      <p className="font-medium">{title}</p>
      <div className="max-w-sm text-sm text-balance text-quiet">{children}</div>
    </div>
  );
}
