import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Select } from "../../../design/Select";
import { useToast } from "../../../design/Toast";
import { rest, type Answering as Which } from "../../../protocol/rest";
import { useMay } from "../desk";
import { useTopic } from "../useControl";
import { TEXT } from "./text";

const CHOICES = Object.entries(TEXT.answerings).map(([value, text]) => ({ value, text }));

/** Which chat messages are answered, and the means to choose. */
export function Answering() {
  const moderator = useMay("moderator");
  const queries = useQueryClient();
  const toast = useToast();
  const { data: show } = useTopic("show");
  const choose = useMutation({
    mutationFn: rest.answer,
    onSuccess: (_, which) => toast(TEXT.answeringSaid[which]),
    onError: (error) => toast(error.message, true),
    onSettled: () => queries.invalidateQueries({ queryKey: ["show"] }),
  });
  if (!show?.answer) return null;
  const which = choose.isPending ? choose.variables : show.answer;
  if (!moderator) return <span>{TEXT.answerings[which]}</span>;
  return (
    <Select
      label={TEXT.answering}
      value={which}
      options={CHOICES}
      onChange={(value) => choose.mutate(value as Which)}
      small
    />
  );
}
