//! The browser inside a sandbox, shown live to people: a Chromium that runs beside the agent, whose
//! pictures come out and whose pointer and keys one person at a time has.
//!
//! `launch` starts it, `cdp` and `words` speak with it, `relay` stands between it and windows.
//!
//! TRUST: everything on the far side of [`cdp`] belongs to the agent. A person's page never speaks
//! with it: both sides speak with the relay, in closed and bounded words.

pub mod cdp;
mod keys;
pub mod launch;
mod picture;
mod relay;
mod tabs;
mod words;

pub use relay::{Order, Outcome, View, open};

use crate::api::machine::Inside;
use crate::app::App;
use crate::terminals::{Table, Terminals};
use cdp::Broken;
use protocol::ids::AgentId;
use protocol::link::OpId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use url::Url;

/// What the browser is called where it stands among terminals; no terminal can have this name.
pub const NAME: &str = ":browser";
/// Bytes of an address.
const URL_BYTES: usize = 8 * 1024;

/// The browsers that somebody looks at.
#[derive(Default)]
pub struct Browsers {
    tables: Terminals,
    views: Mutex<HashMap<AgentId, (OpId, Weak<View>)>>,
}

impl Browsers {
    /// The people at an agent's browser, whether or not there are any.
    pub fn table(&self, agent: AgentId) -> Arc<Table> {
        self.tables.table(agent, NAME)
    }

    /// What they see, if there are any.
    pub fn seen(&self, agent: AgentId) -> Option<Arc<View>> {
        let views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, view) = views.get(&agent)?;
        view.upgrade().filter(|view| view.over.borrow().is_none())
    }

    /// What is seen of the browser of this operation. Callers take turns.
    pub async fn view(
        &self,
        app: &Arc<App>,
        inside: &Inside,
        op: &OpId,
    ) -> Result<Arc<View>, Broken> {
        let agent = inside.handle.id;
        if let Some(view) = self.seen_of(agent, op) {
            return Ok(view);
        }
        let address = launch::address(&inside.link, op.clone()).await;
        let address = address.map_err(|error| Broken(error.to_string()))?;
        let (speaker, listener) = cdp::connect(&inside.link, &address).await?;
        let (view, work, over) = relay::open(speaker, listener);
        let (view, shutdown) = (Arc::new(view), app.shutdown.clone());
        app.tasks.spawn(async move {
            tokio::select! {
                end = work => { over.send_replace(Some(end)); }
                () = shutdown.cancelled() => {}
            }
        });
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        views.retain(|_, (_, view)| view.strong_count() > 0);
        views.insert(agent, (op.clone(), Arc::downgrade(&view)));
        Ok(view)
    }

    fn seen_of(&self, agent: AgentId, op: &OpId) -> Option<Arc<View>> {
        let views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, view) = views.get(&agent).filter(|(known, _)| known == op)?;
        view.upgrade().filter(|view| view.over.borrow().is_none())
    }
}

/// An address that a person may send the browser to.
pub fn checked(url: &str) -> Option<String> {
    let url = Url::parse(url.trim()).ok().filter(|_| url.len() <= URL_BYTES)?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Some(url.into()),
        "about" if url.path() == "blank" => Some("about:blank".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn the_browser_is_sent_to_pages_and_nowhere_else() {
        for (given, taken) in [
            ("http://localhost:3000", "http://localhost:3000/"),
            (" https://a.example/x?y#z ", "https://a.example/x?y#z"),
            ("about:blank", "about:blank"),
            ("about:blank?x", "about:blank"),
        ] {
            assert_eq!(checked(given).as_deref(), Some(taken));
        }
        let long = format!("http://a.example/{}", "x".repeat(9000));
        for refused in [
            "file:///etc/passwd",
            "chrome://settings",
            "about:version",
            "javascript:alert(1)",
            "data:text/html,x",
            "view-source:http://a.example",
            "blob:http://a/x",
            "devtools://x",
            "localhost:3000",
            "a.example",
            "",
            "http://",
            &long,
        ] {
            assert_eq!(checked(refused), None, "{refused}");
        }
    }
}
