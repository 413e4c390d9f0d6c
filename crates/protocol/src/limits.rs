//! Every limit that a user can meet: name, unit, default. Limits private to a mechanism stand with it.

use crate::event::RunLimits;

/// Text of one prompt, in characters.
pub const PROMPT_CHARS: usize = 100_000;
/// Images of one prompt.
pub const PROMPT_IMAGES: usize = 5;
/// Bytes of one image.
pub const IMAGE_BYTES: usize = 15 * 1024 * 1024;
/// Bytes of one HTTP request body: five images in base64 and room for the rest.
pub const REQUEST_BYTES: usize = 110 * 1024 * 1024;
/// Characters of an agent's name.
pub const NAME_CHARS: usize = 100;
/// Repositories of one agent.
pub const REPOS: usize = 20;
/// Variables of one agent.
pub const ENV_VARS: usize = 50;
/// Bytes of a variable's value.
pub const ENV_VALUE_BYTES: usize = 4096;
/// Bytes of a variable's name.
pub const ENV_NAME_BYTES: usize = 255;
/// Bytes of one entry of an allow-list.
pub const ALLOW_ENTRY_BYTES: usize = 1024;
/// Characters of the reason for which a person lets something through.
pub const REASON_CHARS: usize = 500;
/// Hosts that the settings name for agents.
pub const ALLOWED_HOSTS: usize = 500;
/// People who are asked for a review of a pull request.
pub const REVIEWERS: usize = 15;
/// Labels that a pull request is given.
pub const LABELS: usize = 20;
/// Follow-ups waiting behind the active run.
pub const QUEUED_RUNS: usize = 20;
/// Steering messages waiting for the next step.
pub const QUEUED_STEERS: usize = 20;
/// Entries of free metadata.
pub const METADATA_ENTRIES: usize = 50;
/// Bytes of what a record of the audit log tells beside who, what and when.
pub const AUDIT_DETAILS_BYTES: usize = 4096;
/// Bytes of an event's body that stay in the log; a larger one goes to a blob.
pub const EVENT_INLINE_BYTES: usize = 64 * 1024;
/// Bytes of a file written into a sandbox over the API.
pub const FILE_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Rows on one page of a list.
pub const PAGE_MAX: usize = 100;
/// Rows on one page unless asked otherwise.
pub const PAGE_DEFAULT: usize = 20;
/// Life of a browser's session, in milliseconds.
pub const SESSION_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Sessions of one key; the oldest ends when another begins.
pub const SESSIONS: usize = 100;
/// Life of a code that signs in, in milliseconds.
pub const SIGN_IN_CODE_MS: u64 = 60 * 1000;
/// Life of a ticket that opens a socket, in milliseconds.
pub const TICKET_MS: u64 = 30 * 1000;
/// Codes or tickets of one key that wait to be used.
pub const UNUSED_TICKETS: usize = 1000;
/// Watches of one live socket.
pub const LIVE_WATCHES: usize = 64;
/// Bytes of events in one frame of the live socket, unless one event alone is larger.
pub const LIVE_ROUND_BYTES: usize = 1024 * 1024;

/// Bytes of one `git push` inside a sandbox.
pub const PUSH_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Objects of one `git push` inside a sandbox.
pub const PUSH_OBJECTS: u64 = 1_000_000;
/// Bytes of one object of a `git push` inside a sandbox, unpacked; larger files belong into Git LFS.
pub const PUSH_OBJECT_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of one large file (Git LFS).
pub const LARGE_FILE_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes of all large files that one agent pushed and the remote does not have yet.
pub const LARGE_FILES_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// Number of them.
pub const LARGE_FILES: u64 = 10_000;
/// Large files that one request of git-lfs may name.
pub const LARGE_FILES_ASKED: usize = 1000;
/// Large files that one sandbox takes and gives at the same time; more wait.
pub const LARGE_FILE_TRANSFERS: usize = 8;
/// Bytes of one upload.
pub const UPLOAD_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes of one piece of an upload.
pub const UPLOAD_PIECE_BYTES: usize = 8 * 1024 * 1024;
/// Uploads of one key that are open at the same time.
pub const UPLOADS: usize = 20;
/// Time after which an upload that nobody used is removed, in milliseconds.
pub const UPLOAD_MS: i64 = 24 * 60 * 60 * 1000;
/// Objects that one request for a pack may name on each side.
pub const PACK_IDS: usize = 1000;
/// Bytes of one file of a commit that the API gives.
pub const BLOB_BYTES: u64 = 16 * 1024 * 1024;

/// Steps of one run.
pub const RUN_STEPS: u32 = 500;
/// Tokens of one run, all kinds added.
pub const RUN_TOKENS: u64 = 50_000_000;
/// Money of one run, in millionths of a dollar.
pub const RUN_COST_MICROS: u64 = 50_000_000;
/// Time of one run until the hard stop, in milliseconds.
pub const RUN_HARD_MS: u64 = 15 * 60 * 1000;
/// Tokens that programs inside a sandbox may have models use while no run is active, until the next begins.
pub const MODELS_BETWEEN_TOKENS: u64 = 2_000_000;
/// Money of the same, in millionths of a dollar.
pub const MODELS_BETWEEN_COST_MICROS: u64 = 2_000_000;
/// Questions of programs inside one sandbox that models answer at the same time; more wait.
pub const MODEL_CALLS: usize = 8;
/// Bytes of one such question.
pub const MODEL_CALL_BYTES: u64 = 32 * 1024 * 1024;
/// Time until such a question is answered, in milliseconds.
pub const MODEL_CALL_MS: u64 = 20 * 60 * 1000;
/// Bytes of a request to AWS whose body is signed as a whole; of S3's, bodies are not kept.
pub const AWS_BODY_BYTES: u64 = 16 * 1024 * 1024;
/// Such bodies of one sandbox that are kept at the same time; more wait.
pub const AWS_BODIES: usize = 4;
/// Time in which AWS says under which role one acts, in milliseconds.
pub const AWS_ROLE_MS: u64 = 20_000;
/// Pause after a failure before AWS is asked for a role again, in milliseconds.
pub const AWS_ROLE_PAUSE_MS: i64 = 10_000;
/// Silence of a model before it is asked again unless configured, in seconds.
pub const MODEL_STALL_S: u64 = 300;
/// Longest such silence that may be configured, in seconds.
pub const MODEL_STALL_MAX_S: u64 = 3600;
/// How long before the hard stop the model is told to wrap up, in milliseconds.
pub const RUN_SOFT_BEFORE_MS: u64 = 2 * 60 * 1000;
/// Time a cancelled harness gets to report before the run is ended without it, in milliseconds.
pub const CANCEL_GRACE_MS: u64 = 10_000;
/// A person's time to answer a question before its default holds, in milliseconds.
pub const QUESTION_MS: u64 = 24 * 60 * 60 * 1000;
/// Idle time until a sandbox is stopped, in milliseconds.
pub const IDLE_MS: u64 = 800 * 1000;
/// Life of one sandbox, in milliseconds.
pub const SANDBOX_HARD_MS: u64 = 8 * 60 * 60 * 1000;
/// Inactivity after which an agent is archived and its disk goes, in milliseconds.
pub const INACTIVE_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Times an effect is tried before its failure is final.
pub const EFFECT_ATTEMPTS: u32 = 4;
/// Sandboxes lost during one run before the run fails.
pub const SANDBOX_LOSSES: u32 = 3;
/// Time limit of a shell command unless the call says otherwise, in milliseconds.
pub const COMMAND_MS: u64 = 2 * 60 * 1000;
/// Longest time limit a call may choose, in milliseconds.
pub const COMMAND_MAX_MS: u64 = 10 * 60 * 1000;
/// Bytes of a tool result that the model is given.
pub const TOOL_RESULT_BYTES: usize = 32 * 1024;
/// Bytes of a command's output that are kept.
pub const COMMAND_OUTPUT_BYTES: u64 = 16 * 1024 * 1024;

/// Agents that are opened, or begin to be driven, at the same time.
pub const OPENINGS: usize = 4;
/// Sandboxes that are made at the same time.
pub const BOOTS: usize = 8;
/// Workspaces that are prepared at the same time.
pub const PREPARATIONS: usize = 8;
/// Bytes of instructions and file trees that are kept for the next agents.
pub const FIRST_LOOKS_BYTES: u64 = 64 * 1024 * 1024;
/// Packs of starting commits that are kept for the next agents.
pub const START_PACKS: usize = 64;
/// Bytes of these packs; larger ones are made again for each agent.
pub const START_PACK_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Bytes of an environment file.
pub const ENVIRONMENT_BYTES: usize = 256 * 1024;
/// Lists and objects within each other in an environment file.
pub const ENVIRONMENT_DEPTH: usize = 16;
/// Entries of one list or object in an environment file.
pub const ENVIRONMENT_ENTRIES: usize = 200;
/// Bytes of a script or Dockerfile in an environment file.
pub const ENVIRONMENT_TEXT_BYTES: usize = 64 * 1024;
/// Bytes of any other text in an environment file.
pub const ENVIRONMENT_LINE_BYTES: usize = 1024;
/// Problems, and warnings, of one environment file that are told.
pub const ENVIRONMENT_REMARKS: usize = 50;
/// Terminals of an environment file that are opened.
pub const ENVIRONMENT_TERMINALS: usize = 12;
/// Repositories of `repositoryDependencies` that git may read.
pub const ENVIRONMENT_DEPENDENCIES: usize = 20;
/// Time of `install` in an environment file, in milliseconds.
pub const ENVIRONMENT_INSTALL_MS: u64 = 10 * 60 * 1000;
/// Time of `start` in an environment file, in milliseconds.
pub const ENVIRONMENT_START_MS: u64 = 2 * 60 * 1000;
/// Saved environments of one server.
pub const SAVED_ENVIRONMENTS: usize = 100;
/// Versions of a saved environment that are kept; the oldest goes.
pub const SAVED_ENVIRONMENT_VERSIONS: usize = 50;
/// Repositories that one saved environment is for.
pub const SAVED_ENVIRONMENT_REPOS: usize = 20;
/// Secrets of one owner: a key, a saved environment, or the team.
pub const SECRETS: usize = 1000;
/// Bytes of a secret's value.
pub const SECRET_VALUE_BYTES: usize = 4096;
/// Bytes that the value of a runtime secret has at least: a shorter one occurs by chance in other text.
pub const SECRET_VALUE_LEAST_BYTES: usize = 8;
/// Repositories that one secret is for.
pub const SECRET_REPOS: usize = 100;
/// Hosts that one secret is for.
pub const SECRET_HOSTS: usize = 20;
/// Startup commands of an agent.
pub const STARTUP_COMMANDS: usize = 20;
/// Characters of one of them.
pub const STARTUP_COMMAND_CHARS: usize = 500;
/// Time in which one of them must end, in milliseconds.
pub const STARTUP_COMMAND_MS: u64 = 2 * 60 * 1000;
/// Time in which a Dockerfile is carried out, in milliseconds.
pub const DOCKERFILE_MS: u64 = 30 * 60 * 1000;
/// Checks of an environment file that the server runs.
pub const ENVIRONMENT_CHECKS: usize = 10;
/// Time of all of them together, with what prepares their machine, in milliseconds.
pub const ENVIRONMENT_CHECKS_MS: u64 = 30 * 60 * 1000;
/// Bytes of all files of a commit that is checked.
pub const ENVIRONMENT_CHECKED_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Rows of each list in the record of a run; the newest are told.
pub const RECORD_ROWS: usize = 1000;
/// Bytes of a record that is checked.
pub const RECORD_BYTES: usize = 16 * 1024 * 1024;
/// Builds that are kept of one list of repositories.
pub const BUILDS_KEPT: usize = 10;

impl Default for RunLimits {
    fn default() -> Self {
        Self {
            steps: RUN_STEPS,
            tokens: RUN_TOKENS,
            cost_micros: RUN_COST_MICROS,
            soft_time_ms: RUN_HARD_MS - RUN_SOFT_BEFORE_MS,
            hard_time_ms: RUN_HARD_MS,
        }
    }
}
