import type { components } from "./schema";

export type Schemas = components["schemas"];

export type Agent = Schemas["Agent"];
export type Run = Schemas["Run"];
export type CreateAgent = Schemas["CreateAgent"];
export type CreateRun = Schemas["CreateRun"];
export type EventBody = Schemas["EventBody"];
export type Failure = Schemas["Failure"];
export type FileDiff = Schemas["FileDiff"];
export type Mode = Schemas["Mode"];
export type ModelBody = Schemas["ModelBody"];
export type ModelParameter = Schemas["ModelParameter"];
export type ModelChoice = Schemas["ModelChoice"];
export type BuildBody = Schemas["BuildBody"];
export type BuildChange = Schemas["BuildChange"];
export type BuildChanges = Schemas["BuildChanges"];
export type EnvironmentBody = Schemas["EnvironmentBody"];
export type EnvironmentVersion = Schemas["EnvironmentVersion"];
export type AuditRecord = Schemas["AuditRecord"];
export type Traffic = Schemas["Traffic"];
export type Denials = Schemas["Denials"];
export type SecretBody = Schemas["SecretBody"];
export type PutSecret = Schemas["PutSecret"];
export type AwsBody = Schemas["AwsBody"];
export type SecretsPage = Schemas["SecretsPage"];
export type NetworkBody = Schemas["NetworkBody"];
export type NetworkMode = Schemas["NetworkMode"];
export type WhenAllThree = Schemas["WhenAllThree"];
export type FlowBody = Schemas["FlowBody"];
export type AllowedHost = Schemas["AllowedHost"];
export type ApiKeyBody = Schemas["ApiKeyBody"];
export type DoctorCheck = Schemas["DoctorCheck"];
export type PromptImage = Schemas["PromptImage"];
export type QuestionBody = Schemas["QuestionBody"];
export type UsageBody = Schemas["UsageBody"];

/** Who is signed in: `GET /v1/session`. */
export type Session = Schemas["Session"];

/** What holds for new agents: `GET /v1/settings`. */
export type Settings = Schemas["SettingsBody"];

/** A change of them: a field that is left out stays, `null` takes its value away. */
export type UpdateSettings = Partial<Schemas["UpdateSettings"]>;

/** About this installation: `GET /v1/server`. */
export type ServerInfo = Schemas["ServerBody"];

/** Who else looks at an agent. */
export interface Watcher {
  name: string;
  count: number;
  you: boolean;
}

/** What lives only on the wire: tokens, terminal bytes; tagged by `type`. */
export interface Delta {
  type: string;
  [field: string]: unknown;
}
