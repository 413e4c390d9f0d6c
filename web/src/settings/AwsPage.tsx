import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { explain } from "../api/errors";
import { queryClient, useSession } from "../api/queries";
import type { AwsBody } from "../api/types";
import { Button } from "../ui/Button";
import { Banner, ErrorState } from "../ui/ErrorState";
import { TextField } from "../ui/Field";
import { Skeleton } from "../ui/Skeleton";
import { Time } from "../ui/Time";
import { Facts } from "./Facts";
import { Section } from "./Section";
import { Snippet } from "./Snippet";
import { usePut } from "./secrets/queries";

const AWS = ["aws"];
const NAME = "ERRAND_AWS_ASSUME_IAM_ROLE_ARN";
const COMMAND = `errand secret set ${NAME} --team`;
const KEYS = `[aws]
access_key_id = "AKIA…"
secret_access_key = "…"
region = "eu-west-1"`;

/** The role of AWS that agents act under: what to paste there, and whether it works. */
export default function AwsPage() {
  const aws = useQuery({ queryKey: AWS, queryFn: () => unwrap(api.GET("/v1/team/aws")) });
  if (aws.isError && aws.data === undefined) {
    return (
      <ErrorState
        title="Could not load the role"
        error={aws.error}
        onRetry={() => void aws.refetch()}
      />
    );
  }
  if (aws.data === undefined) {
    return (
      <div role="status" aria-label="Loading the role">
        <Skeleton height={220} radius={6} />
      </div>
    );
  }
  return (
    <>
      <Section
        title="The role of agents"
        description="Agents act under it with keys that are worth nothing outside the gateway, which signs their requests anew."
      >
        <State aws={aws.data} />
      </Section>
      <Section
        title="At AWS"
        description="Give a role this trust policy. Nobody else can have this server act under it, because nobody else has the external id."
      >
        <Facts
          rows={[
            ["External id", <code key="id">{aws.data.externalId}</code>],
            ["This server", aws.data.principal ?? "Not known yet"],
          ]}
        />
        <Snippet label="Trust policy of the role" text={aws.data.trustPolicy} />
      </Section>
      <Section
        title="Here"
        description={`The role is the team's secret ${NAME}, for all agents. It is tried before it is kept.`}
      >
        <RoleField />
        <Snippet label="In a terminal" text={COMMAND} />
        {!aws.data.configured && (
          <Snippet label="In errand.toml, in the server's data folder" text={KEYS} />
        )}
      </Section>
    </>
  );
}

function RoleField() {
  const admin = useSession().data?.admin ?? false;
  const [arn, write] = useState("");
  const put = usePut();
  const save = () => {
    const wanted = { owner: "team", name: NAME, body: { value: arn.trim() } };
    const readAgain = () => void queryClient.invalidateQueries({ queryKey: AWS });
    put.mutate(wanted, { onSuccess: () => write(""), onSettled: readAgain });
  };
  if (!admin) return null;
  return (
    <>
      <TextField
        label="ARN of the role"
        mono
        placeholder="arn:aws:iam::123456789012:role/agents"
        value={arn}
        onChange={write}
        error={put.isError ? explain(put.error).message : undefined}
      />
      <div>
        <Button isDisabled={arn.trim() === ""} isPending={put.isPending} onPress={save}>
          Validate and save
        </Button>
      </div>
    </>
  );
}

function State({ aws }: { aws: AwsBody }) {
  const admin = useSession().data?.admin ?? false;
  const check = useMutation({
    mutationFn: () => unwrap(api.POST("/v1/team/aws/check")),
    onSuccess: (body) => queryClient.setQueryData(AWS, body),
  });
  const { last } = aws;
  return (
    <>
      {!aws.configured && (
        <Banner tone="amber">
          This server has no keys at AWS yet. Its operator sets them; the lines are below.
        </Banner>
      )}
      {aws.problem && <Banner tone="red">{aws.problem}</Banner>}
      <Facts
        rows={[
          ["Role", aws.role ?? "None yet"],
          [
            "Asked for last",
            last ? (
              <>
                <Time at={last.at} />, {last.error ? "refused" : "given"}
              </>
            ) : (
              "Not since the server started"
            ),
          ],
        ]}
      />
      {last?.error && <Banner tone="red">{last.error}</Banner>}
      {check.isError && <Banner tone="red">{explain(check.error).message}</Banner>}
      {admin && aws.role && (
        <div>
          <Button isPending={check.isPending} onPress={() => check.mutate()}>
            Try the role
          </Button>
        </div>
      )}
    </>
  );
}
