//! What an agent may reach through its git endpoint: its own repositories, each by name.

use git::name::BranchName;
use git::repo::Repo;

/// Where pushes from inside a sandbox are kept until Errand takes them over.
pub const INBOX: &str = "refs/errand/inbox/";

/// One repository of an agent.
#[derive(Debug, Clone)]
pub struct AgentRepository {
    /// Its name at the endpoint: `http://errand.internal/git/<name>.git`.
    pub name: String,
    /// Its real address, which git inside replaces by the one above.
    pub url: String,
    /// The agent's own bare repository on the server.
    pub repo: Repo,
    /// The branch that the agent works on, the only one it may push.
    pub branch: BranchName,
}
