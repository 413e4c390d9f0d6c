//! A person who pushes to the agent's branch meanwhile.

use git::commit::Signing;
use git::handover::Message;
use git::handover::integrate::{Integration, Meeting};
use git::name::CommitId;
use git::refs::Expected;

use super::desk::{Desk, bot, branch};

const START: &str =
    "printf '1\\n2\\n3\\n4\\n5\\n' > a; echo b > b; git add -A; git commit -qm first";

impl Desk {
    async fn meet(&self, ours: &CommitId, theirs: &CommitId) -> Integration {
        let bot = bot(9);
        let message = Message { subject: "Merge what was pushed meanwhile", body: "" };
        let meeting =
            Meeting { ours, theirs, bot: &bot, message, trailers: &[], signing: Signing(None) };
        let made = self.repo.integrate(&meeting).await.unwrap();
        assert_eq!(self.repo.integrate(&meeting).await.unwrap(), made);
        made
    }

    fn their_tip(&self) -> CommitId {
        CommitId::parse(&self.remote("rev-parse errand/x")).unwrap()
    }
}

fn integrated(made: Integration) -> CommitId {
    match made {
        Integration::Integrated { commit } => commit,
        Integration::Conflict { files } => panic!("conflicts in {files:?}"),
    }
}

#[tokio::test]
async fn work_of_both_is_merged_and_nothing_is_lost() {
    let mut desk = Desk::new(START).await;
    desk.agent("echo c > c");
    let first = desk.run().await;
    desk.person("git checkout -q errand/x; sed -i s/1/one/ a; git commit -qam theirs; git push -q");
    let theirs = desk.their_tip();
    desk.agent("sed -i s/5/five/ a");
    let run = desk.hand_over().await;
    assert_eq!(desk.remote(&format!("rev-parse {theirs}^")), first.handed.tip.to_string());
    let ours = run.handed.tip;
    let merge = integrated(desk.meet(&ours, &theirs).await);
    desk.repo.push(&desk.far(), &merge, &branch(), Expected::At(&theirs)).await.unwrap();
    assert_eq!(
        desk.remote("log -1 --format='%P|%an' errand/x"),
        format!("{ours} {theirs}|Errand Bot")
    );
    assert_eq!(desk.remote("show errand/x:a"), "one\n2\n3\n4\nfive");

    assert_eq!(integrated(desk.meet(&ours, &ours).await), ours);
    assert_eq!(integrated(desk.meet(&merge, &theirs).await), merge, "nothing new on their side");
    assert_eq!(integrated(desk.meet(&ours, &merge).await), merge, "nothing new on our side");

    // The workspace has not seen the merge: its next work follows what it knows, then joins.
    desk.published.extend(run.handed.published);
    desk.tip = Some(ours.clone());
    desk.agent("echo d > d");
    let next = desk.hand_over().await.handed;
    assert_eq!(next.new_commits, 1);
    let second = integrated(desk.meet(&next.tip, &merge).await);
    desk.repo.push(&desk.far(), &second, &branch(), Expected::At(&merge)).await.unwrap();
    assert_eq!(desk.remote("show errand/x:a"), "one\n2\n3\n4\nfive");
    assert_eq!(desk.remote("show errand/x:d"), "d");
}

#[tokio::test]
async fn a_conflict_names_the_files_and_makes_nothing() {
    let mut desk = Desk::new(START).await;
    desk.agent("echo c > c");
    desk.run().await;
    desk.person("git checkout -q errand/x; echo theirs > b; git commit -qam theirs; git push -q");
    desk.agent("echo ours > b");
    let run = desk.hand_over().await;
    let made = desk.meet(&run.handed.tip, &desk.their_tip()).await;
    assert_eq!(made, Integration::Conflict { files: vec!["b".to_owned()] });

    // The agent solves it by a merge of its own, which needs no other.
    desk.agent(
        "git fetch -q; git commit -qam mine; git merge -q origin/errand/x >/dev/null || true; \
         echo both > b; git commit -qam solved",
    );
    let solved = desk.hand_over().await;
    let theirs = desk.their_tip();
    assert_eq!(integrated(desk.meet(&solved.handed.tip, &theirs).await), solved.handed.tip);
    desk.repo
        .push(&desk.far(), &solved.handed.tip, &branch(), Expected::At(&theirs))
        .await
        .unwrap();
    assert_eq!(desk.remote("show errand/x:b"), "both");
}
