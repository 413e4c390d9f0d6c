import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../../api/client";
import { explain, sentence } from "../../api/errors";
import { Banner } from "../../ui/ErrorState";
import { Skeleton } from "../../ui/Skeleton";
import { Time } from "../../ui/Time";
import { visibleBidi } from "../../ui/untrusted";
import rows from "../Rows.module.css";
import settings from "../Settings.module.css";
import styles from "./Forges.module.css";
import { FORGES } from "./queries";

/** Deliveries come while somebody tries a webhook. */
const EVERY_MS = 10_000;

/** What became of what a host told last. */
export function Deliveries({ forge }: { forge: string }) {
  const deliveries = useQuery({
    queryKey: [...FORGES, forge, "deliveries"],
    queryFn: async () => {
      const params = { path: { id: forge } };
      return (await unwrap(api.GET("/v1/forges/{id}/deliveries", { params }))).items;
    },
    refetchInterval: EVERY_MS,
  });
  const items = deliveries.data;
  return (
    <section className={styles.part} aria-label="Last deliveries">
      <h3>Last deliveries</h3>
      {deliveries.isError && <Banner tone="red">{explain(deliveries.error).message}</Banner>}
      {items === undefined && deliveries.isPending && <Skeleton width="60%" />}
      {items?.length === 0 && <p className={settings.muted}>None since the server was started.</p>}
      <ul className={rows.list}>
        {items?.map((item) => (
          <li key={`${item.repository} ${item.delivery}`} className={rows.item}>
            <span>{visibleBidi(sentence(item.outcome))}</span>
            <span className={rows.facts}>
              <span>{visibleBidi(item.repository)}</span>
              <span>{visibleBidi(item.actor)}</span>
              <Time at={item.at} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
