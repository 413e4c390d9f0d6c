//! What a handover costs and refuses; what it makes is compared with plain git end to end.

use std::os::unix::fs::PermissionsExt as _;

use git::agent_repo::AgentRepo;
use git::commit::{Signature, Signing, When};
use git::error::Error;
use git::handover::{Ending, Handover, Message, Wording, Workspace};
use git::name::{CommitId, TreeId};
use git::runner::Git;

use crate::fixture::{Ground, git_in};

#[tokio::test]
async fn the_usual_handover_starts_one_process_and_so_does_an_idle_one() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let base = up.head();
    let agent = ground.agent(&up).await;
    let blob = git_in(agent.dir(), &["hash-object", "-w", "--stdin"], b"2");
    let tree =
        git_in(agent.dir(), &["mktree"], format!("100644 blob {}\ta\n", blob.trim()).as_bytes());
    let tree = TreeId::parse(tree.trim()).unwrap();
    let old = agent.tree_of(&base).await.unwrap();

    let (program, count) = (ground.path("git"), ground.path("count"));
    let script = format!("#!/bin/sh\necho >> {}\nexec /usr/bin/env git \"$@\"\n", count.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let agent = AgentRepo::open(&Git::with_program(program), agent.dir()).unwrap();
    let counted = || std::fs::read_to_string(&count).unwrap_or_default().lines().count();

    let when = When { seconds: 1_800_000_000, offset_minutes: 0 };
    let bot = Signature { name: "bot".to_owned(), email: "b@x".to_owned(), when };
    let unknown = CommitId::parse(&"1".repeat(40)).unwrap();
    let missing = TreeId::parse(&"2".repeat(40)).unwrap();
    let hand = |head, tree| Handover {
        base: &base,
        tip: None,
        upstream: std::slice::from_ref(&base),
        published: &[],
        workspace: Workspace { head: Some(head), tree, unmerged: &[], embedded: &[] },
        bot: &bot,
        message: Message { subject: "Work", body: "" },
        trailers: &[],
        ending: Ending::Finished,
        wording: Wording::AS_IT_IS,
        signing: Signing(None),
        folded: false,
    };
    let idle = agent.hand_over(&hand(&base, &old)).await.unwrap();
    assert_eq!((idle.tip, idle.new_commits, counted()), (base.clone(), 0, 1));
    let made = agent.hand_over(&hand(&base, &tree)).await.unwrap();
    assert_eq!((made.new_commits, counted()), (1, 2));
    assert_eq!(made.published, [(base.clone(), made.tip.clone())]);
    assert_eq!(agent.commit_info(&made.tip).await.unwrap().parents, std::slice::from_ref(&base));

    for (head, tree) in [(&unknown, &tree), (&base, &missing)] {
        let refused = agent.hand_over(&hand(head, tree)).await;
        assert!(matches!(refused, Err(Error::BadObjects { .. })), "{refused:?}");
    }
}
