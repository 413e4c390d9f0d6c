//! The suite that every provider must pass, whatever machines it makes.

use protocol::ids::{AgentId, Epoch, LayerId, OrgId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::provider::{LinkStream, MachineState, Provider, ProviderError, SandboxKey, SandboxSpec};

/// What a rule found wrong, in words.
pub type Verdict = Result<(), String>;

/// How the suite speaks to whatever guest the provider was given.
pub struct Bench<'a> {
    /// The provider under test.
    pub provider: &'a dyn Provider,
    /// A fresh agent for each call.
    pub agent: &'a (dyn Fn() -> AgentId + Sync),
    /// One exchange that any guest must answer: bytes to send, and the first bytes expected back.
    pub greeting: (&'a [u8], &'a [u8]),
}

/// Runs every rule, and names the one that was broken.
pub async fn check(bench: &Bench<'_>) -> Verdict {
    create_is_idempotent(bench).await.map_err(|e| format!("create is idempotent: {e}"))?;
    links_may_be_dropped(bench).await.map_err(|e| format!("links may be dropped: {e}"))?;
    stop_keeps_the_agent(bench).await.map_err(|e| format!("stop keeps the agent: {e}"))?;
    epochs_replace(bench).await.map_err(|e| format!("epochs replace each other: {e}"))?;
    destroy_forgets(bench).await.map_err(|e| format!("destroy forgets: {e}"))?;
    if bench.provider.capabilities().snapshots {
        disks_are_frozen(bench).await.map_err(|e| format!("disks are frozen: {e}"))?;
        layers_are_kept(bench).await.map_err(|e| format!("layers are kept: {e}"))?;
    }
    Ok(())
}

fn ensure(holds: bool, words: &str) -> Verdict {
    if holds { Ok(()) } else { Err(words.to_owned()) }
}

fn say(error: ProviderError) -> String {
    error.to_string()
}

fn spec(bench: &Bench<'_>) -> SandboxSpec {
    let key = SandboxKey { agent: (bench.agent)(), epoch: Epoch(1) };
    SandboxSpec::new(key, OrgId::default_org())
}

async fn greet(bench: &Bench<'_>, link: &mut LinkStream) -> Verdict {
    link.write_all(bench.greeting.0).await.map_err(|e| e.to_string())?;
    let mut answer = vec![0; bench.greeting.1.len()];
    link.read_exact(&mut answer).await.map_err(|e| e.to_string())?;
    ensure(answer == bench.greeting.1, "the guest answered something else")
}

async fn create_is_idempotent(bench: &Bench<'_>) -> Verdict {
    let spec = spec(bench);
    let none = bench.provider.find(spec.key).await.map_err(say)?;
    ensure(none.is_none(), "something was found before it was made")?;
    let first = bench.provider.create(&spec).await.map_err(say)?;
    let second = bench.provider.create(&spec).await.map_err(say)?;
    ensure(first == second, "the second create gave another machine")?;
    let found = bench.provider.find(spec.key).await.map_err(say)?;
    ensure(found.as_ref() == Some(&first), "find gave another machine")?;
    let listed = bench.provider.list().await.map_err(say)?;
    let times = listed.iter().filter(|machine| machine.key == spec.key).count();
    ensure(times == 1, "the list does not hold it exactly once")?;
    bench.provider.destroy(spec.key).await.map_err(say)
}

async fn links_may_be_dropped(bench: &Bench<'_>) -> Verdict {
    let spec = spec(bench);
    bench.provider.create(&spec).await.map_err(say)?;
    for _ in 0..3 {
        let mut link = bench.provider.connect(spec.key).await.map_err(say)?;
        greet(bench, &mut link).await?;
    }
    bench.provider.destroy(spec.key).await.map_err(say)?;
    let gone = bench.provider.connect(spec.key).await;
    ensure(matches!(gone, Err(ProviderError::NotRunning(_))), "a destroyed machine took a link")
}

async fn stop_keeps_the_agent(bench: &Bench<'_>) -> Verdict {
    let mut spec = spec(bench);
    bench.provider.create(&spec).await.map_err(say)?;
    for _ in 0..2 {
        bench.provider.stop(spec.key).await.map_err(say)?;
    }
    let found = bench.provider.find(spec.key).await.map_err(say)?;
    let ended = found.is_some_and(|m| matches!(m.state, MachineState::Ended { .. }));
    ensure(ended, "a stopped machine is not found as ended")?;
    spec.key.epoch = Epoch(2);
    bench.provider.create(&spec).await.map_err(say)?;
    bench.provider.destroy(spec.key).await.map_err(say)
}

async fn epochs_replace(bench: &Bench<'_>) -> Verdict {
    let first = spec(bench);
    let mut second = first.clone();
    second.key.epoch = Epoch(2);
    bench.provider.create(&first).await.map_err(say)?;
    bench.provider.create(&second).await.map_err(say)?;
    let late = bench.provider.create(&first).await;
    ensure(
        matches!(late, Err(ProviderError::Refused(_))),
        "a lower epoch was made after a higher",
    )?;
    bench.provider.destroy(first.key).await.map_err(say)?;
    let found = bench.provider.find(second.key).await.map_err(say)?;
    let runs = found.is_some_and(|machine| machine.state == MachineState::Running);
    ensure(runs, "destroying a former epoch ended the present one")?;
    bench.provider.destroy(second.key).await.map_err(say)
}

async fn destroy_forgets(bench: &Bench<'_>) -> Verdict {
    let spec = spec(bench);
    bench.provider.destroy(spec.key).await.map_err(say)?;
    bench.provider.create(&spec).await.map_err(say)?;
    for _ in 0..2 {
        bench.provider.destroy(spec.key).await.map_err(say)?;
    }
    let found = bench.provider.find(spec.key).await.map_err(say)?;
    ensure(found.is_none(), "a destroyed machine is found")?;
    let listed = bench.provider.list().await.map_err(say)?;
    ensure(listed.iter().all(|machine| machine.key != spec.key), "a destroyed machine is listed")
}

fn is_refused<T>(result: &Result<T, ProviderError>) -> bool {
    matches!(result, Err(ProviderError::Refused(_)))
}

/// An id that no other rule uses: those of its agents' are fresh.
fn layer_of(agent: AgentId) -> LayerId {
    LayerId::from_uuid(agent.uuid())
}

async fn disks_are_frozen(bench: &Bench<'_>) -> Verdict {
    let (provider, mut spec) = (bench.provider, spec(bench));
    let (agent, layer) = (spec.key.agent, layer_of(spec.key.agent));
    ensure(is_refused(&provider.freeze(agent, layer).await), "a disk was frozen that never was")?;
    provider.create(&spec).await.map_err(say)?;
    ensure(
        is_refused(&provider.freeze(agent, layer).await),
        "a running machine's disk was frozen",
    )?;
    provider.stop(spec.key).await.map_err(say)?;
    let first = provider.freeze(agent, layer).await.map_err(say)?;
    let again = provider.freeze(agent, layer).await.map_err(say)?;
    ensure(
        first.id == layer && again.id == layer && again.below == first.below,
        "freezing twice under one id gave two layers",
    )?;
    ensure(again.size.is_none(), "a layer was weighed before it was settled")?;
    let settled = provider.settle(layer).await.map_err(say)?;
    ensure(settled.size.is_some(), "a settled layer has no size")?;
    spec.key.epoch = Epoch(2);
    provider.create(&spec).await.map_err(say)?;
    provider.destroy(spec.key).await.map_err(say)?;
    provider.remove_layer(layer).await.map_err(say)
}

async fn layers_are_kept(bench: &Bench<'_>) -> Verdict {
    let (provider, spec, mut fork) = (bench.provider, spec(bench), spec(bench));
    let layer = layer_of(spec.key.agent);
    fork.layers = vec![layer];
    ensure(is_refused(&provider.create(&fork).await), "a disk began with a layer that never was")?;
    provider.create(&spec).await.map_err(say)?;
    provider.stop(spec.key).await.map_err(say)?;
    provider.freeze(spec.key.agent, layer).await.map_err(say)?;
    let theirs = provider.freeze(fork.key.agent, layer).await;
    ensure(is_refused(&theirs), "another agent got the layer under its id")?;
    provider.destroy(spec.key).await.map_err(say)?;
    provider.create(&fork).await.map_err(say)?;
    ensure(is_refused(&provider.remove_layer(layer).await), "a layer in use was removed")?;
    let unused = provider.remove_unused_layers(u64::MAX).await.map_err(say)?;
    ensure(!unused.contains(&layer), "a layer in use was removed as unused")?;
    let listed = provider.layers().await.map_err(say)?;
    ensure(listed.iter().any(|listed| listed.id == layer), "a layer is not listed")?;
    provider.destroy(fork.key).await.map_err(say)?;
    let unused = provider.remove_unused_layers(u64::MAX).await.map_err(say)?;
    ensure(unused.contains(&layer), "an unused layer was kept")?;
    provider.remove_layer(layer).await.map_err(say)?;
    let listed = provider.layers().await.map_err(say)?;
    ensure(listed.iter().all(|listed| listed.id != layer), "a removed layer is listed")
}
