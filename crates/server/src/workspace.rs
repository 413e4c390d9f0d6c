//! The harness's hands: its requests, carried over the link to the sandbox of the right epoch.
//!
//! A connection that breaks is mended here; a machine that is gone is `Lost`.

use crate::agents::{Handle, View};
use crate::app::App;
use crate::environments;
use crate::machines::Machine;
use crate::sandbox_spec::command_variables;
use agent::state::{Phase, Sandbox, Workspace as Readiness};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use harness::journal::Stopped;
use harness::workspace::{Followed, Workspace, WorkspaceError, WorkspaceGone};
use protocol::ids::{Epoch, RunId};
use protocol::link::{Answer, CAPABILITY_DRAFT, EditFile, Fault, FaultCode, OpId, Request, Stream};
use sandbox::link::{self, LinkError, Offsets};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

/// How often a broken link looks at the state although nothing rang.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The workspace of one run.
#[derive(Clone)]
pub struct LinkWorkspace {
    pub(crate) app: Arc<App>,
    pub(crate) handle: Arc<Handle>,
    pub(crate) run: RunId,
    pub(crate) variables: Arc<Vec<(String, String)>>,
}

fn readiness(view: &View, run: RunId) -> Result<Option<Epoch>, WorkspaceGone> {
    let living = view.state.living().ok_or(Stopped)?;
    let active = living.active.as_ref().filter(|active| active.run == run).ok_or(Stopped)?;
    let turn = living.turn().ok_or(Stopped)?;
    match (&turn.phase, &active.workspace) {
        (Phase::Cancelling, _) => Err(Stopped.into()),
        (Phase::Failing(failure), _) => Err(WorkspaceGone::Failed(failure.clone())),
        (Phase::Starting | Phase::Thinking, Readiness::Ready(epoch)) => {
            Ok(living.is_set_up(*epoch).then_some(*epoch))
        }
        (Phase::Starting | Phase::Thinking, Readiness::Never | Readiness::Lost) => Ok(None),
    }
}

/// Whether a sandbox of this epoch may still be reached.
fn lives(view: &View, epoch: Epoch) -> bool {
    match view.state.living().map(|living| &living.sandbox) {
        Some(Sandbox::Up { epoch: up, .. } | Sandbox::Wanted { epoch: up, .. }) => *up == epoch,
        Some(Sandbox::Absent | Sandbox::Remains { .. } | Sandbox::Stopping { .. }) | None => false,
    }
}

impl LinkWorkspace {
    /// The machine of this epoch, waiting while its link is being mended.
    async fn machine(&self, epoch: Epoch) -> Result<Machine, WorkspaceError> {
        let mut changes = self.handle.changes();
        loop {
            changes.borrow_and_update();
            let held = self.app.machines.get(self.handle.id);
            if let Some(machine) =
                held.filter(|machine| machine.epoch == epoch && !machine.link.is_closed())
            {
                return Ok(machine);
            }
            let view = self
                .handle
                .view()
                .await
                .map_err(|error| WorkspaceError::Lost(error.to_string()))?;
            if !lives(&view, epoch) {
                return Err(WorkspaceError::Lost(format!("sandbox {epoch} of this agent is gone")));
            }
            let linked = self.app.machines.wait(self.handle.id, epoch);
            tokio::select! {
                _ = changes.changed() => {}
                _ = linked => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
            // A link that closed and was not replaced yet would spin here.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn complete(&self, mut request: Request) -> Result<Request, WorkspaceError> {
        if let Request::Start(start) = &mut request
            && start.env.is_empty()
        {
            let lost = |error: anyhow::Error| WorkspaceError::Lost(error.to_string());
            let view = self.handle.view().await.map_err(lost)?;
            // What the machine is made of was chosen after the turn began.
            let settings = &view.living().map_err(lost)?.settings;
            let variables = environments::over_image(settings, &self.variables);
            start.env = command_variables(self.handle.id, Some(self.run), &variables);
        }
        Ok(request)
    }
}

#[async_trait]
impl Workspace for LinkWorkspace {
    async fn ready(&self) -> Result<Epoch, WorkspaceGone> {
        let mut changes = self.handle.changes();
        loop {
            changes.borrow_and_update();
            let view = self.handle.view().await.map_err(|_| Stopped)?;
            if let Some(epoch) = readiness(&view, self.run)? {
                return Ok(epoch);
            }
            changes.changed().await.map_err(|_| Stopped)?;
        }
    }

    async fn request(&self, epoch: Epoch, request: Request) -> Result<Answer, WorkspaceError> {
        let request = self.complete(request).await?;
        loop {
            let machine = self.machine(epoch).await?;
            match machine.link.request(request.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(LinkError::Fault(fault)) => return Err(fault.into()),
                // The operation has a name, so asking again does it once.
                Err(error) => {
                    tracing::debug!(agent.id = %self.handle.id, %error, "the link broke; asking again")
                }
            }
        }
    }

    async fn foresee(&self, epoch: Epoch, edit: EditFile) {
        let held = self.app.machines.get(self.handle.id);
        let machine = held.filter(|machine| machine.epoch == epoch);
        if let Some(machine) = machine.filter(|machine| machine.link.can(CAPABILITY_DRAFT)) {
            // What is not made ready is made when it is asked for.
            drop(machine.link.request(Request::DraftEdit(edit)).await);
        }
    }

    fn follow(
        &self,
        epoch: Epoch,
        op: OpId,
        from_stdout: u64,
        from_stderr: u64,
    ) -> BoxStream<'static, Result<Followed, WorkspaceError>> {
        let this = self.clone();
        Box::pin(async_stream::stream! {
            let mut offsets = Offsets { stdout: from_stdout, stderr: from_stderr };
            loop {
                let machine = match this.machine(epoch).await {
                    Ok(machine) => machine,
                    Err(error) => {
                        yield Err(error);
                        return;
                    }
                };
                let Ok(mut follow) = machine.link.follow(op.clone(), offsets).await else { continue };
                loop {
                    match follow.next().await {
                        Ok(link::Followed::Stdout(bytes)) => {
                            offsets.stdout += bytes.len() as u64;
                            yield Ok(Followed::Output { stream: Stream::Stdout, bytes: bytes.into() });
                        }
                        Ok(link::Followed::Stderr(bytes)) => {
                            offsets.stderr += bytes.len() as u64;
                            yield Ok(Followed::Output { stream: Stream::Stderr, bytes: bytes.into() });
                        }
                        Ok(link::Followed::Exited(exited)) => {
                            yield Ok(Followed::Exited(exited));
                            return;
                        }
                        Err(LinkError::Fault(fault)) => {
                            yield Err(fault.into());
                            return;
                        }
                        Err(_) => break,
                    }
                }
            }
        })
    }

    async fn download(
        &self,
        epoch: Epoch,
        cwd: &str,
        path: &str,
        max_bytes: usize,
    ) -> Result<Bytes, WorkspaceError> {
        let machine = self.machine(epoch).await?;
        let lost = |error: LinkError| match error {
            LinkError::Fault(fault) => WorkspaceError::Fault(fault),
            other => WorkspaceError::Lost(other.to_string()),
        };
        let reader = machine.link.download(cwd.to_owned(), path.to_owned()).await.map_err(lost)?;
        let mut bytes = Vec::new();
        let read = reader.take(max_bytes as u64 + 1).read_to_end(&mut bytes).await;
        let failed = |code, message: String| WorkspaceError::Fault(Fault { code, message });
        read.map_err(|error| {
            failed(FaultCode::NotFound, format!("{path} cannot be read: {error}"))
        })?;
        if bytes.len() > max_bytes {
            return Err(failed(
                FaultCode::Unsuitable,
                format!("{path} is larger than {max_bytes} bytes"),
            ));
        }
        Ok(bytes.into())
    }
}
