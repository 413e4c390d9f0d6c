import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../../api/client";

/** Records of one page: what is shown never grows, however long the log is. */
const PAGE = 50;

/** Which records. */
export interface Filter {
  kind: string;
  agent: string;
  since: string;
}

/** One page of the audit log, newest first, after a cursor. */
export function useAuditPage({ kind, agent, since }: Filter, cursor: string | undefined) {
  return useQuery({
    queryKey: ["audit", kind, agent, since, cursor ?? ""],
    queryFn: () => {
      const query = {
        limit: PAGE,
        ...(cursor !== undefined && { cursor }),
        ...(kind !== "" && { kind }),
        ...(agent !== "" && { agent }),
        ...(since !== "" && { since }),
      };
      return unwrap(api.GET("/v1/audit", { params: { query } }));
    },
    placeholderData: keepPreviousData,
    staleTime: 0,
  });
}

/** The end of the log. */
export function useAuditHead() {
  return useQuery({
    queryKey: ["audit-head"],
    queryFn: () => unwrap(api.GET("/v1/audit/head")),
    staleTime: 0,
  });
}
