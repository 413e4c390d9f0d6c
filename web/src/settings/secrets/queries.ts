import { useMutation, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../../api/client";
import { queryClient } from "../../api/queries";
import type { PutSecret, SecretBody } from "../../api/types";
import { type OwnerId, ownerOf } from "./secrets";

const SECRETS = ["secrets"];
/** Rows of one request. */
const PAGE = 100;

const readAgain = () => queryClient.invalidateQueries({ queryKey: SECRETS });

/** All secrets that the signed-in person may know of, without their values. */
export function useSecrets() {
  return useQuery({
    queryKey: SECRETS,
    queryFn: async () => {
      const all: SecretBody[] = [];
      let cursor: string | null | undefined;
      do {
        const query = { limit: PAGE, ...(cursor && { cursor }) };
        const page = await unwrap(api.GET("/v1/secrets", { params: { query } }));
        all.push(...page.items);
        cursor = page.nextCursor;
      } while (cursor);
      return all;
    },
  });
}

interface Wanted {
  owner: OwnerId;
  name: string;
  /** The one that is meant, of several with the name. */
  id?: string;
  body: PutSecret;
}

function put({ owner, name, id, body }: Wanted) {
  const query = id === undefined ? {} : { id };
  const own = { path: { name }, query };
  if (owner === "user") return unwrap(api.PUT("/v1/secrets/{name}", { params: own, body }));
  if (owner === "team") return unwrap(api.PUT("/v1/team/secrets/{name}", { params: own, body }));
  const params = { path: { id: owner, name }, query };
  return unwrap(api.PUT("/v1/environments/{id}/secrets/{name}", { params, body }));
}

/** Adds a secret, or gives one another value. The value is kept nowhere here. */
export function usePut() {
  return useMutation({ mutationFn: put, onSuccess: readAgain, gcTime: 0 });
}

function remove(secret: SecretBody) {
  const [owner, name, query] = [ownerOf(secret), secret.name, { id: secret.id }];
  const own = { path: { name }, query };
  if (owner === "user") return unwrap(api.DELETE("/v1/secrets/{name}", { params: own }));
  if (owner === "team") return unwrap(api.DELETE("/v1/team/secrets/{name}", { params: own }));
  const params = { path: { id: owner, name }, query };
  return unwrap(api.DELETE("/v1/environments/{id}/secrets/{name}", { params }));
}

/** Removes one. */
export function useRemove() {
  return useMutation({ mutationFn: remove, onSuccess: readAgain });
}
