import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { putAgent } from "../api/agents";
import { api, unwrap } from "../api/client";
import { explain } from "../api/errors";
import { queryClient } from "../api/queries";
import { markStarted } from "../app/started";
import { encodeImages } from "../ui/images";
import { type Launch, requestOf } from "./launch";

interface Errand {
  launch: Launch;
  images: readonly File[];
}

/** Sends a launch and goes to its agent. */
export function useSend(onSent: () => void) {
  const navigate = useNavigate();
  const mutation = useMutation({
    mutationFn: async ({ launch, images }: Errand) => {
      const body = requestOf(launch, await encodeImages(images));
      return unwrap(api.POST("/v1/agents", { body }));
    },
    onSuccess: ({ agent }) => {
      markStarted(agent.id);
      putAgent(agent);
      void queryClient.invalidateQueries({ queryKey: ["repositories"] });
      onSent();
      void navigate(`/agents/${agent.id}`);
    },
  });
  return {
    send: mutation.mutate,
    isPending: mutation.isPending,
    error: mutation.error === null ? undefined : explain(mutation.error).message,
  };
}
