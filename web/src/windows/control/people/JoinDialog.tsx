import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Badge } from "../../../design/Badge";
import { Dialog } from "../../../design/Dialog";
import { RelativeTime } from "../../../design/RelativeTime";
import { Search } from "../../../design/Search";
import { useToast } from "../../../design/Toast";
import { Loaded } from "../Loaded";
import { useRested } from "../useRested";
import { type AccountRow, people, type ViewerDetail } from "./api";
import { TEXT } from "./text";

/** Milliseconds of rest after the last key before a search is made. */
const REST = 200;
/** So many are offered; more letters find the others. */
const OFFERED = 8;

interface JoinDialogProps {
  viewer: ViewerDetail;
  /** Accounts that are theirs already. */
  known: AccountRow[];
  onClose: () => void;
}

/** Finds the other account of a viewer by its name, and joins it at one press. */
export function JoinDialog({ viewer, known, onClose }: JoinDialogProps) {
  const [q, setQ] = useState(viewer.name);
  const rested = useRested(q.trim(), REST);
  const queries = useQueryClient();
  const toast = useToast();
  const found = useQuery({
    queryKey: ["viewers", rested, 0],
    queryFn: () => people.find(rested, 0),
    placeholderData: keepPreviousData,
  });
  const join = useMutation({
    mutationFn: (other: { id: string; name: string }) => people.join(viewer.id, other.id),
    onSuccess: async (_, other) => {
      toast(TEXT.joined(other.name, viewer.name));
      onClose();
      await queries.invalidateQueries({ queryKey: ["accounts"] });
    },
    onError: (error) => toast(error.message, true),
  });
  const theirs = new Set([viewer.id, ...known.map((row) => row.id)]);
  return (
    <Dialog title={TEXT.joinTitle(viewer.name)} description={TEXT.joinHelp} open onClose={onClose}>
      <Search label={TEXT.joinSearch} value={q} onChange={setQ} />
      <div className="mt-3">
        <Loaded query={found}>
          {({ viewers }) => {
            const others = viewers.filter((row) => !theirs.has(row.id)).slice(0, OFFERED);
            if (others.length === 0) return <p className="text-sm text-quiet">{TEXT.joinNone}</p>;
            return (
              <ul className="-mx-2">
                {others.map((row) => (
                  <li key={row.id}>
                    <button
                      type="button"
                      disabled={join.isPending}
                      onClick={() => join.mutate(row)}
                      className="flex min-h-12 w-full items-center gap-3 rounded-card px-2 py-1.5 text-left text-sm transition hover:bg-hover disabled:opacity-45"
                    >
                      <Badge tone="gilt">{row.platform}</Badge>
                      <span className="min-w-0 flex-1">
                        <span className="block truncate font-medium">{row.name}</span>
                        <span className="block truncate text-xs text-quiet">{row.id}</span>
                      </span>
                      <span className="shrink-0 text-xs text-quiet">
                        <RelativeTime at={row.last_seen} />
                      </span>
                    </button>
                  </li>
                ))}
              </ul>
            );
          }}
        </Loaded>
      </div>
    </Dialog>
  );
}
