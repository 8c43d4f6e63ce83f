import { Unplug } from "lucide-react";
import { Component, type ReactNode } from "react";
import { Button } from "../../design/Button";
import { Empty } from "../../design/Empty";
import { TEXT } from "./text";

/** Keeps the trouble of one page to itself: the rest of the window, and its means to stop, stay. */
export class PageBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <Empty icon={<Unplug aria-hidden />} title={TEXT.broken}>
        <p>{error.message}</p>
        {/* A page of a build that is gone cannot be had but with the whole window. */}
        <Button onClick={() => location.reload()} className="mt-4">
          {TEXT.reload}
        </Button>
      </Empty>
    );
  }
}
