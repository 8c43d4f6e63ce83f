/** Connecting anew, over REST. */
import { call } from "../../../protocol/rest";

export const reconnect = (name: string) => call<void>("POST", `/connections/${encodeURIComponent(name)}/reconnect`);
