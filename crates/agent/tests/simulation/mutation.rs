//! Faults put into the driver or the world on purpose, to see that the simulation objects.

/// One wrong thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// All is right.
    None,
    /// A sandbox is made under no key at all.
    DropKey,
    /// A repeat after a takeover uses a fresh key.
    FreshKey,
    /// A stop is reported without ending the machine.
    SkipDestroy,
    /// An ended machine's key may be used again.
    NoTombstone,
    /// A message is acknowledged although the append came too late.
    AckBeforeCommit,
    /// The log takes appends of an old term.
    NoTermCheck,
    /// The log takes appends that expect another position.
    NoExpectedSeq,
    /// A pull request is wanted where a push should be.
    PullRequestBeforePush,
    /// A push is wanted before the worktree was taken.
    PushBeforeCheckpoint,
    /// Cancelling drops the messages behind the run.
    LoseQueueOnCancel,
    /// Effects run before their intents are in the log.
    EffectBeforeIntent,
    /// A push takes no account of what is on the remote.
    ForcePush,
    /// A pull request is made because a list came back empty.
    CreateWhenListEmpty,
    /// The outcome of a run is recorded once more after a takeover.
    EndTwice,
    /// The agent is reported gone while its sandbox is only being stopped.
    EraseEarly,
    /// Nobody looks whether a disk was installed before.
    InstallAgain,
    /// What a set-up began inside is begun again by whoever comes after a crash.
    ForgetBegun,
    /// Tools do not wait for what the environment file asks for.
    ToolsBeforeSetUp,
    /// Nobody looks whether a layer was made before.
    FreezeAgain,
    /// The gateway is never told to close a way out.
    NeverCloses,
    /// What a person allowed holds whatever is read later.
    AllowsForGood,
    /// A secret that is gone counts no more.
    ForgetsSecrets,
}

/// All that must be caught.
pub const ALL: [Mutation; 22] = [
    Mutation::DropKey,
    Mutation::FreshKey,
    Mutation::SkipDestroy,
    Mutation::NoTombstone,
    Mutation::AckBeforeCommit,
    Mutation::NoTermCheck,
    Mutation::NoExpectedSeq,
    Mutation::PullRequestBeforePush,
    Mutation::PushBeforeCheckpoint,
    Mutation::LoseQueueOnCancel,
    Mutation::EffectBeforeIntent,
    Mutation::ForcePush,
    Mutation::CreateWhenListEmpty,
    Mutation::EndTwice,
    Mutation::EraseEarly,
    Mutation::InstallAgain,
    Mutation::ForgetBegun,
    Mutation::ToolsBeforeSetUp,
    Mutation::FreezeAgain,
    Mutation::NeverCloses,
    Mutation::AllowsForGood,
    Mutation::ForgetsSecrets,
];
