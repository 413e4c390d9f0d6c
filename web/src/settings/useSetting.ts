import { useMutation } from "@tanstack/react-query";
import { call } from "../api/client";
import { queryClient, useSession, useSettings } from "../api/queries";
import type { Settings, UpdateSettings } from "../api/types";

/** The settings, saved at once; what is shown goes back when the server refuses. */
export function useSetting() {
  const settings = useSettings();
  const admin = useSession().data?.admin ?? false;
  const mutation = useMutation({
    mutationFn: (change: UpdateSettings) =>
      call<Settings>("PATCH", "/v1/settings", { body: change }),
    onMutate: (change) => {
      const before = queryClient.getQueryData<Settings>(["settings"]);
      if (before) queryClient.setQueryData(["settings"], { ...before, ...change });
      return before;
    },
    onError: (_error, _change, before) => queryClient.setQueryData(["settings"], before),
    onSuccess: (saved) => {
      queryClient.setQueryData(["settings"], saved);
      // What agents may reach follows from the settings and the server's configuration.
      return queryClient.invalidateQueries({ queryKey: ["network"] });
    },
  });
  return { settings, admin, mutation, save: mutation.mutate };
}
