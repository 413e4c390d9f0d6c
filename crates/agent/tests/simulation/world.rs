//! The world outside the agent: log, lease, machines, a remote branch and its pull requests.

use crate::check::Check;
use crate::labels::Labels;
use crate::mutation::Mutation;
use agent::effect::Action;
use agent::{State, apply};
use protocol::environment::found::SetUpPhase;
use protocol::event::{Event, Logged};
use protocol::ids::{AgentId, EffectKey, Epoch, LayerId, Seq};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How long a lease lasts, in milliseconds.
const LEASE_MS: i64 = 10_000;

/// Who may append as the driver.
#[derive(Default)]
pub struct Lease {
    pub term: u64,
    pub expires_ms: i64,
}

/// Everything that outlives a driver.
pub struct World {
    pub rng: fastrand::Rng,
    pub mutation: Mutation,
    pub faults: bool,
    pub now_ms: i64,
    pub log: Vec<Logged>,
    /// The fold of the whole log, as an up-to-date replica has it.
    pub current: State,
    pub lease: Lease,
    /// Machines that exist, by the key they were made under.
    pub machines: BTreeMap<EffectKey, Machine>,
    /// Keys whose machine was ended; none is made under them again.
    pub tombs: BTreeSet<EffectKey>,
    pub keys: BTreeMap<EffectKey, Action>,
    pub git: Git,
    pub disk: Disk,
    /// Whether the repository has an environment file.
    pub environment: bool,
    pub check: Check,
    pub labels: Labels,
}

/// A machine.
pub struct Machine {
    pub epoch: Epoch,
    pub alive: bool,
    /// How often what the environment file asks for was begun inside: once, whoever asks again.
    pub begun: BTreeMap<SetUpPhase, u32>,
}

/// What outlives a machine inside.
#[derive(Default)]
pub struct Disk {
    /// `install` ran to its end on it.
    pub installed: bool,
    /// What was kept of it.
    pub layers: BTreeSet<LayerId>,
}

/// Commits by number, with their parents, and who points where.
#[derive(Default)]
pub struct Git {
    pub parents: Vec<Vec<usize>>,
    pub main: usize,
    pub branch: Option<usize>,
    /// Tip of the worktree's commits on our side.
    pub tip: Option<usize>,
    /// Tool calls carried out since the tip was made.
    pub work: u32,
    /// What was made under a key.
    pub made: BTreeMap<EffectKey, usize>,
    /// Head branches of pull requests: one entry each.
    pub pulls: Vec<usize>,
}

impl Git {
    pub fn commit(&mut self, parents: Vec<usize>) -> usize {
        self.parents.push(parents);
        self.parents.len() - 1
    }

    /// Whether `old` is `new` or one of its ancestors.
    pub fn contains(&self, new: usize, old: usize) -> bool {
        let mut todo = vec![new];
        let mut seen = BTreeSet::new();
        while let Some(commit) = todo.pop() {
            if commit == old {
                return true;
            }
            // Parents always have lower numbers.
            if commit > old && seen.insert(commit) {
                todo.extend(&self.parents[commit]);
            }
        }
        false
    }
}

pub fn agent_id() -> AgentId {
    AgentId::from_uuid(Uuid::from_u128(0xa6e7))
}

pub fn sha(commit: usize) -> String {
    format!("c{commit}")
}

pub fn number(sha: &str) -> usize {
    sha[1..].parse().unwrap()
}

/// An append that came too late.
pub struct Conflict;

impl World {
    pub fn new(seed: u64, mutation: Mutation) -> Self {
        let mut git = Git::default();
        git.main = git.commit(Vec::new());
        Self {
            rng: fastrand::Rng::with_seed(seed),
            mutation,
            faults: true,
            now_ms: 1_000_000_000,
            log: Vec::new(),
            current: State::new(agent_id()),
            lease: Lease::default(),
            machines: BTreeMap::new(),
            tombs: BTreeSet::new(),
            keys: BTreeMap::new(),
            git,
            disk: Disk::default(),
            environment: !seed.is_multiple_of(3),
            check: Check::default(),
            labels: Labels::default(),
        }
    }

    /// Whether a thing with a chance of one in `n` happens now; never when faults are over.
    pub fn fault(&mut self, n: u32) -> bool {
        self.faults && self.rng.u32(..n) == 0
    }

    /// Appends by the expected position; a driver's append carries its term too.
    pub fn append(
        &mut self,
        events: Vec<Event>,
        expected: Seq,
        term: Option<u64>,
    ) -> Result<(), Conflict> {
        if let Some(term) = term
            && term != self.lease.term
        {
            if self.mutation != Mutation::NoTermCheck {
                return Err(Conflict);
            }
            if expected == self.current.seq {
                self.check.fail(format!("term {term} wrote under term {}", self.lease.term));
            }
        }
        if expected != self.current.seq && self.mutation != Mutation::NoExpectedSeq {
            return Err(Conflict);
        }
        for event in events {
            let logged = Logged { seq: self.current.seq.next(), at_ms: self.now_ms, event };
            self.check.observe(&logged.event, &self.git);
            apply(&mut self.current, &logged);
            self.labels.observe(&logged.event);
            if let Some(living) = self.current.living()
                && let Err(wrong) = self.labels.judge(&living.flow, self.mutation)
            {
                self.check.fail(wrong);
            }
            self.log.push(logged);
        }
        Ok(())
    }

    pub fn folded(&self) -> State {
        let mut state = State::new(agent_id());
        for logged in &self.log {
            apply(&mut state, logged);
        }
        state
    }

    /// A new term, if the lease has run out.
    pub fn acquire(&mut self) -> Option<u64> {
        if self.now_ms < self.lease.expires_ms {
            return None;
        }
        self.lease.term += 1;
        self.lease.expires_ms = self.now_ms + LEASE_MS;
        Some(self.lease.term)
    }

    pub fn renew(&mut self, term: u64) -> bool {
        let held = term == self.lease.term;
        if held {
            self.lease.expires_ms = self.now_ms + LEASE_MS;
        }
        held
    }

    /// Time goes on, mostly; sometimes it leaps, sometimes back.
    pub fn pass_time(&mut self) {
        self.now_ms += self.rng.i64(0..1500);
        if self.fault(150) {
            self.now_ms += self.rng.i64(0..1_200_000);
        }
        if self.fault(1500) {
            self.now_ms += 9 * 3_600_000;
        }
        if self.fault(300) {
            self.now_ms -= self.rng.i64(0..3_600_000);
            // The store's clock is monotonic: a lease does not get longer by this.
            self.lease.expires_ms = self.lease.expires_ms.min(self.now_ms + LEASE_MS);
        }
    }

    /// Things that other people and machines do.
    pub fn stir(&mut self) {
        if self.fault(120) {
            let victim = self.machines.values_mut().find(|machine| machine.alive);
            if let Some(machine) = victim {
                machine.alive = false;
            }
        }
        if self.fault(60) {
            self.git.main = self.git.commit(vec![self.git.main]);
        }
        if self.fault(40)
            && let Some(branch) = self.git.branch
        {
            let pushed = self.git.commit(vec![branch]);
            self.git.branch = Some(pushed);
        }
    }

    pub fn alive(&self) -> usize {
        self.machines.values().filter(|machine| machine.alive).count()
    }

    pub fn alive_in(&self, epoch: Epoch) -> bool {
        self.machines.values().any(|machine| machine.alive && machine.epoch == epoch)
    }

    /// Moves the remote branch, as a remote would do it for anybody.
    pub fn move_branch(&mut self, to: usize) {
        if let Some(from) = self.git.branch
            && !self.git.contains(to, from)
        {
            self.check.fail(format!("the branch was forced from {from} to {to}"));
        }
        self.git.branch = Some(to);
    }
}
