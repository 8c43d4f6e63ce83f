import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Tabs } from "../../../design/Tabs";
import { Loaded } from "../Loaded";
import { database } from "./api";
import { Backup } from "./Backup";
import { Edits } from "./Edits";
import { Rows } from "./Rows";
import { TEXT } from "./text";

/** Everything that the program remembers: its rows, what was edited by hand, and a copy of it all. */
export function Database() {
  const [tab, setTab] = useState("rows");
  const info = useQuery({ queryKey: ["database"], queryFn: database.info });
  return (
    <Tabs
      label={TEXT.title}
      value={tab}
      onChange={setTab}
      tabs={[
        {
          value: "rows",
          text: TEXT.tabs.rows,
          content: <Loaded query={info}>{(found) => <Rows info={found} />}</Loaded>,
        },
        { value: "history", text: TEXT.tabs.history, content: <Edits /> },
        { value: "backup", text: TEXT.tabs.backup, content: <Backup staged={info.data?.staged ?? false} /> },
      ]}
    />
  );
}
