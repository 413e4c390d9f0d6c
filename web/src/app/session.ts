import { api, unwrap } from "../api/client";
import { live } from "../api/live";
import { queryClient } from "../api/queries";
import type { Session } from "../api/types";

/** Starts a session with a key. */
export async function signIn(token: string): Promise<Session> {
  await unwrap(api.POST("/v1/session", { body: { token } }));
  const session = await unwrap(api.GET("/v1/session"));
  queryClient.setQueryData(["session"], session);
  live.restart();
  return session;
}

/** Ends the session and forgets everything the page knows. */
export async function signOut(): Promise<void> {
  await unwrap(api.DELETE("/v1/session"));
  queryClient.clear();
}
