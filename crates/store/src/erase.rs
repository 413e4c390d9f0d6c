//! The end of an agent: everything it left behind goes in one transaction.

use crate::error::Error;
use crate::open::Store;
use crate::sql::statements;
use protocol::ids::{AgentId, OrgId};

statements! {
    EVENTS = "DELETE FROM events WHERE org = $1 AND agent = $2";
    RUNS = "DELETE FROM runs WHERE org = $1 AND agent = $2";
    LINKS = "DELETE FROM agent_links WHERE org = $1 AND agent = $2";
    OUTBOX = "DELETE FROM outbox WHERE org = $1 AND agent = $2";
    SEALED = "DELETE FROM sealed WHERE org = $1 AND owner = $2";
    AGENT = "DELETE FROM agents WHERE org = $1 AND id = $2";
}

impl Store {
    /// Removes an agent with its log, runs, sealed values and blobs; false = there was none.
    ///
    /// The lease's row stays: should the id be used again, its terms still rise, and a driver of
    /// the former life stays fenced off. Remembered answers stay until they age out, so that a
    /// late repetition of the opening request does not open the agent again.
    pub async fn delete_agent(&self, org: &OrgId, agent: AgentId) -> Result<bool, Error> {
        let (org, agent) = (org.0.clone(), agent.to_string());
        let (existed, blobs) = self
            .inner
            .writer
            .write(move |connection| {
                let (org, agent) = (org.clone(), agent.clone());
                Box::pin(async move {
                    for statement in [EVENTS, RUNS, LINKS, OUTBOX, SEALED] {
                        let query = sqlx::query(statement).bind(&org).bind(&agent);
                        query.execute(&mut *connection).await?;
                    }
                    let blobs = crate::blob::release_all(connection, &org, &agent).await?;
                    let query = sqlx::query(AGENT).bind(&org).bind(&agent);
                    Ok((query.execute(&mut *connection).await?.rows_affected() == 1, blobs))
                })
            })
            .await?;
        self.collect(&blobs).await?;
        Ok(existed)
    }
}
