//! A workspace with a real guest, our repository of it, and the remote of both.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use git::agent_repo::AgentRepo;
use git::commit::{Signature, Signing, When};
use git::handover::{Ending, HandedOver, Handover, Message, Wording, Workspace};
use git::mirror::Mirror;
use git::name::{BranchName, CommitId, TreeId};
use git::pack::{ImportLimits, Tip};
use git::refs::Expected;
use git::remote::{self, Remote};
use git::runner::Git;
use git::url::RemoteUrl;
use guest::{Guest, GuestConfig};
use protocol::ids::{AgentId, Epoch, Term};
use protocol::link::{
    Answer, Checkpoint, Hello, MoveBranch, OpId, Pack, Request, Unpack, VERSION, Worktree,
};
use sandbox::link::Link;
use tokio::task::JoinSet;

/// The branch that the agent works on.
pub const BRANCH: &str = "errand/x";
const BOT: &str = "Errand Bot";

/// Everything of one agent.
pub struct Desk {
    pub folder: tempfile::TempDir,
    pub mirror: Mirror,
    pub repo: AgentRepo,
    pub base: CommitId,
    /// What the workspace was last brought to.
    pub tip: Option<CommitId>,
    pub published: Vec<(CommitId, CommitId)>,
    pub ending: Ending,
    link: Link,
    runs: u32,
    _guest: Arc<Guest>,
    _connections: JoinSet<()>,
}

/// What one run left.
pub struct Run {
    pub worktree: Worktree,
    pub handed: HandedOver,
    pub millis: u128,
}

impl Desk {
    /// An upstream made by a script, and a workspace cloned from it on the agent's branch.
    pub async fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("up")).unwrap();
        shell(&path("up"), &format!("git init -q -b main . && {script}"));
        shell(
            folder.path(),
            "git clone -q --bare up remote.git && git clone -q remote.git workspace && \
             cd workspace && git config user.name Agent && git config user.email agent@box && \
             git checkout -q -b errand/x",
        );
        let git = Git::new().unwrap();
        let far = remote_at(&path("remote.git"));
        let head = remote::ls(&git, &far, None).await.unwrap();
        let mirror = Mirror::open_or_create(&git, &path("mirror.git"), &head.commit).unwrap();
        mirror.ensure(&far, &head, &mut |_| ()).await.unwrap();
        let refs = [(BranchName::parse("main").unwrap().to_ref(), head.commit.clone())];
        let repo = AgentRepo::create(&path("agent.git"), &mirror, &branch(), &refs).unwrap();
        let (guest, link, connections) = guest_in(folder.path()).await;
        Self {
            mirror,
            repo,
            base: head.commit,
            tip: None,
            published: Vec::new(),
            ending: Ending::Finished,
            link,
            runs: 0,
            folder,
            _guest: guest,
            _connections: connections,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The agent at work.
    pub fn agent(&self, script: &str) -> String {
        shell(&self.path("workspace"), script)
    }

    /// Somebody else, who pushes to the remote.
    pub fn person(&self, script: &str) -> String {
        shell(
            self.folder.path(),
            &format!("rm -rf person && git clone -q remote.git person && cd person && {script}"),
        )
    }

    /// A question about the remote.
    pub fn remote(&self, args: &str) -> String {
        shell(&self.path("remote.git"), &format!("git {args}"))
    }

    pub fn far(&self) -> Remote {
        remote_at(&self.path("remote.git"))
    }

    pub fn id(&self, rev: &str) -> CommitId {
        CommitId::parse(&self.agent(&format!("git rev-parse {rev}"))).unwrap()
    }

    /// A run's end as far as the publication, compared with plain git, and the way back.
    pub async fn run(&mut self) -> Run {
        let run = self.run_unmoved().await;
        self.move_branch(&run).await;
        assert_eq!(self.agent("git diff HEAD --stat"), "", "the workspace is at our tip");
        run
    }

    /// The same, without moving the workspace's branch.
    pub async fn run_unmoved(&mut self) -> Run {
        let run = self.hand_over().await;
        self.publish(&run).await;
        let worktree = &run.worktree;
        assert_eq!(self.remote("rev-parse errand/x^{tree}"), worktree.tree);
        let plain = self.plain_tree(&worktree.embedded);
        assert_eq!(plain, worktree.tree, "the tree that plain git makes of the files");
        let base = &self.base;
        let diff = "diff --binary --full-index";
        assert_eq!(
            self.remote(&format!("{diff} {base}..errand/x")),
            shell(&self.path("plain"), &format!("git {diff} {base} {plain}")),
        );
        self.remote("fsck --strict --no-dangling");
        run
    }

    /// Pushes what a run made, and keeps its map.
    pub async fn publish(&mut self, run: &Run) {
        let handed = &run.handed;
        self.published.extend(handed.published.clone());
        let expected = self.tip.as_ref().map_or(Expected::Any, Expected::At);
        self.repo.push(&self.far(), &handed.tip, &branch(), expected).await.unwrap();
        self.repo.update_ref(&branch().to_ref(), &handed.tip, Expected::Any).await.unwrap();
        self.tip = Some(handed.tip.clone());
    }

    /// A run's end as far as the commits, made twice.
    pub async fn hand_over(&mut self) -> Run {
        self.runs += 1;
        self.mirror.update(&self.far(), &mut |_| ()).await.unwrap();
        let worktree = self.checkpoint().await;
        let upstream: Vec<CommitId> =
            self.mirror.refs("refs/heads").await.unwrap().into_iter().map(|(_, id)| id).collect();
        self.bring(&worktree, &upstream).await;
        let head = worktree.head.commit.as_deref().map(|id| CommitId::parse(id).unwrap());
        let tree = TreeId::parse(&worktree.tree).unwrap();
        let bot = bot(self.runs);
        let trailers = [("Errand-Run".to_owned(), format!("run-{}", self.runs))];
        let handover = Handover {
            base: &self.base,
            tip: self.tip.as_ref(),
            upstream: &upstream,
            published: &self.published,
            workspace: Workspace {
                head: head.as_ref(),
                tree: &tree,
                unmerged: &worktree.unmerged,
                embedded: &worktree.embedded,
            },
            bot: &bot,
            message: Message { subject: "Do the task", body: "" },
            trailers: &trailers,
            ending: self.ending,
            wording: Wording::AS_IT_IS,
            signing: Signing(None),
            folded: false,
        };
        let started = std::time::Instant::now();
        let handed = self.repo.hand_over(&handover).await.unwrap();
        let millis = started.elapsed().as_millis();
        let again = self.repo.hand_over(&handover).await.unwrap();
        assert_eq!(again, handed, "repeating makes the same commits");
        self.check_names(&handed.tip, &upstream).await;
        Run { worktree, handed, millis }
    }

    pub async fn checkpoint(&self) -> Worktree {
        let op = OpId::parse(&format!("c{}", fastrand::u64(..))).unwrap();
        let repo_path = self.path("workspace").display().to_string();
        let wanted = Checkpoint { op, repo_path, exclude: Vec::new() };
        let answer = self.link.request(Request::Checkpoint(wanted)).await.unwrap();
        let Answer::Worktree(worktree) = answer else { panic!("{answer:?}") };
        *worktree
    }

    async fn bring(&self, worktree: &Worktree, upstream: &[CommitId]) {
        let mut known = upstream.to_vec();
        known.push(self.base.clone());
        known.extend(self.tip.clone());
        let mut want = vec![worktree.tree.clone()];
        let mut tips = vec![Tip::Tree(TreeId::parse(&worktree.tree).unwrap())];
        if let Some(head) = &worktree.head.commit {
            want.push(head.clone());
            tips.push(Tip::Commit(CommitId::parse(head).unwrap()));
        }
        let have = known.iter().map(ToString::to_string).collect();
        let repo_path = self.path("workspace").display().to_string();
        let mut source = self.link.pack(Pack { repo_path, want, have }).await.unwrap();
        let limits = ImportLimits::default();
        self.repo.import_pack(&mut source, limits, &tips, &known).await.unwrap();
    }

    /// All commits that are not the remote's have our name.
    async fn check_names(&self, tip: &CommitId, upstream: &[CommitId]) {
        let history =
            self.repo.commits_between(std::slice::from_ref(tip), upstream, 1000).await.unwrap();
        for commit in history.commits {
            let names = (commit.author.name.as_str(), commit.committer.name.as_str());
            assert_eq!(names, (BOT, BOT), "{}", commit.id);
            assert_eq!(commit.message.matches("Errand-Run:").count(), 1, "{}", commit.message);
        }
    }

    pub async fn move_branch(&self, run: &Run) {
        let (Some(old), Some(name)) = (&run.worktree.head.commit, &run.worktree.head.branch) else {
            return;
        };
        let repo_path = self.path("workspace").display().to_string();
        let file = self.path("back.bundle");
        let name_ref = branch().to_ref();
        let base = std::slice::from_ref(&self.base);
        if self.repo.write_bundle(&file, &[name_ref], base).await.is_ok() {
            let refs = Vec::new();
            let bytes = std::fs::read(&file).unwrap();
            let unpack = Unpack { repo_path: repo_path.clone(), refs };
            self.link.unpack(unpack, bytes.as_slice()).await.unwrap();
        }
        let (old, new) = (old.clone(), run.handed.tip.to_string());
        let wanted = MoveBranch { repo_path, branch: name.clone(), old, new };
        let answer = self.link.request(Request::MoveBranch(wanted)).await.unwrap();
        assert!(matches!(answer, Answer::Moved { moved: true, .. }), "{answer:?}");
    }

    /// The tree that plain git makes of a copy of the workspace.
    fn plain_tree(&self, embedded: &[String]) -> String {
        let without: String = embedded.iter().map(|path| format!(" ':!{path}'")).collect();
        shell(
            self.folder.path(),
            &format!(
                "rm -rf plain && cp -a workspace plain && cd plain && \
                 rm -rf .git/hooks && \
                 git add -A -- . {without} && git write-tree"
            ),
        )
    }
}

async fn guest_in(folder: &Path) -> (Arc<Guest>, Link, JoinSet<()>) {
    let config = GuestConfig::process(folder.join("run"), folder.to_owned());
    let guest = Guest::open(config).unwrap();
    let (server, guest_end) = tokio::net::UnixStream::pair().unwrap();
    let mut connections = JoinSet::new();
    let owner = Arc::clone(&guest);
    connections.spawn(async move { drop(owner.serve(guest_end).await) });
    let agent = AgentId::parse("bc-0190b5a4-7c3e-7bde-8f00-0123456789ab").unwrap();
    let hello = Hello { version: VERSION, agent, epoch: Epoch(1), term: Term(1) };
    let link = Link::connect(server, hello).await.unwrap();
    (guest, link, connections)
}

pub fn branch() -> BranchName {
    BranchName::parse(BRANCH).unwrap()
}

pub fn bot(run: u32) -> Signature {
    let when = When { seconds: 1_800_000_000 + i64::from(run), offset_minutes: 0 };
    Signature { name: BOT.to_owned(), email: "bot@errand".to_owned(), when }
}

fn remote_at(path: &Path) -> Remote {
    Remote::open(RemoteUrl::parse(path.to_str().unwrap()).unwrap())
}

/// Runs a script that must succeed; what it printed.
#[expect(clippy::disallowed_methods, reason = "somebody else's git, outside our runner")]
pub fn shell(dir: &Path, script: &str) -> String {
    let output = Command::new("sh")
        .args(["-ec", script])
        .current_dir(dir)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .envs([("GIT_AUTHOR_NAME", "Person"), ("GIT_AUTHOR_EMAIL", "p@x")])
        .envs([("GIT_COMMITTER_NAME", "Person"), ("GIT_COMMITTER_EMAIL", "p@x")])
        .envs([("GIT_AUTHOR_DATE", "1700000000 +0530"), ("GIT_EDITOR", "true")])
        .envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "protocol.file.allow")])
        .env("GIT_CONFIG_VALUE_0", "always")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {stderr}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}
